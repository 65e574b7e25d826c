"""The settings of the CIFAR-10 benchmark: chosen on validation images, never on test images.

The first step is the run file ``examples/resnet20-cifar10.toml``, so that ``codesign run`` reaches the benchmark's
figures; the others change what a step must reach and how long it trains.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codesign.settings.compress_section import CompressSection, pass_seed_on

__all__ = ["DATA", "NETWORK", "SEED", "STEPS", "WAVES", "Step", "quick"]

EXAMPLE = Path(__file__).parents[2] / "examples" / "resnet20-cifar10.toml"
_RUN = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
SEED: int = _RUN["seed"]
NETWORK: str = _RUN["network"]["name"]
DATA: Mapping[str, Any] = _RUN["data"]


@dataclass(frozen=True)
class Step:
    """One operating point: pruned from what another one left, then quantized.

    Members
    -------
    name : str
        Of its results.
    after : str, optional
        The step whose pruned network it starts from; the dense network without.
    compress : mapping
        The ``[compress]`` section of a run file.
    """

    name: str
    after: str | None
    compress: Mapping[str, Any]

    @property
    def section(self) -> CompressSection:
        """The section, checked."""
        return CompressSection.model_validate(pass_seed_on(dict(self.compress), SEED))

    def changed(self, name: str, after: str | None, iterations: int, epochs: int, **members: Any) -> Step:
        """Another step with the same settings but these; ``epochs`` are those of retraining after pruning."""
        prune = {**self.compress["prune"], "iterations": iterations, "retrain_epochs": epochs}
        return Step(name, after, {**self.compress, "prune": prune, **members})


_NINE_OF_TEN = Step("90%", None, _RUN["compress"])

STEPS = {
    step.name: step
    for step in (
        _NINE_OF_TEN,
        _NINE_OF_TEN.changed("95%", "90%", iterations=4, epochs=40, ratio=20.0),
        _NINE_OF_TEN.changed("80%", None, iterations=3, epochs=40, ratio=5.0, weight_bits=3),
    )
}
"""Operating points by name, each after the one that it starts from."""

WAVES = (
    (("prune", "90%"),),
    (("quantize", "90%"), ("prune", "95%")),
    (("quantize", "95%"), ("prune", "80%")),
    (("quantize", "80%"),),
)
"""What may run at the same time: kind of training and step."""


def quick(step: Step) -> Step:
    """The same step in the fewest epochs: for trying the benchmark itself."""
    short = {"iterations": 1, "retrain_epochs": 1}
    shortest = {"prune": short, "quantize": {**short, "straight_through": 1}}
    changed = {name: {**step.compress[name], **members} for name, members in shortest.items()}
    return replace(step, compress={**step.compress, **changed})
