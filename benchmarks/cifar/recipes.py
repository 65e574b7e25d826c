"""The settings of the CIFAR-10 benchmark: chosen on validation images, never on test images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from codesign.settings.compress_section import CompressSection, pass_seed_on

__all__ = ["SEED", "STEPS", "WAVES", "Step", "quick"]

SEED = 0

Document = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One operating point: pruned from what another one left, then quantized.

    Members
    -------
    name : str
        Of its results.
    after : str, optional
        The step whose pruned network it starts from; the dense network without.
    compress : dict
        The ``[compress]`` section of a run file.
    """

    name: str
    after: str | None
    compress: Document

    @property
    def section(self) -> CompressSection:
        """The section, checked."""
        return CompressSection.model_validate(pass_seed_on(self.compress, SEED))


_COMMON: Document = {
    "tolerance": 0.0,
    "batch_size": 128,
    "augment_shift": 4,
    "augment_flip": True,
    "precision": "bfloat16",
    "distillation": 0.8,
    "z_steps": 2,
}


def _step(name: str, after: str | None, ratio: float, bits: int, iterations: int, epochs: int) -> Step:
    prune = {
        **_COMMON,
        "iterations": iterations,
        "retrain_epochs": epochs,
        "rho_first": 1e-2,
        "rho_last": 1e-1,
        "learning_rate": 1e-3,
        "sparsity_rise": 0.5,
        "saliency": 0.5,
    }
    quantize = {
        **_COMMON,
        "iterations": 1,
        "retrain_epochs": 1,
        "rho_first": 1e-2,
        "rho_last": 1e-1,
        "learning_rate": 5e-4,
    }
    compress = {
        "method": "admm",
        "scope": "network",
        "schedule": "falling",
        "ratio": ratio,
        "weight_bits": bits,
        "prune": prune,
        "quantize": quantize,
    }
    return Step(name, after, compress)


STEPS = {
    step.name: step
    for step in (
        _step("90%", None, 10.0, 4, iterations=5, epochs=6),
        _step("95%", "90%", 20.0, 4, iterations=4, epochs=5),
        _step("80%", None, 5.0, 3, iterations=3, epochs=3),
    )
}
"""Operating points by name, each after the one that it starts from."""

WAVES = (
    (("prune", "90%"), ("prune", "80%")),
    (("quantize", "90%"), ("prune", "95%")),
    (("quantize", "80%"), ("quantize", "95%")),
)
"""What may run at the same time: kind of training and step."""


def quick(step: Step) -> Step:
    """The same step in the fewest epochs: for trying the benchmark itself."""
    short = {"iterations": 1, "retrain_epochs": 1}
    changed = {name: {**step.compress[name], **short} for name in ("prune", "quantize")}
    return Step(step.name, step.after, {**step.compress, **changed})
