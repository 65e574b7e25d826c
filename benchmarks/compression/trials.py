"""One pruning run from a dense network with one set of options, and what it reaches."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.commits import commit_of_source
from benchmarks.compression.starts import Start, dense_network
from benchmarks.results import Results, Stopwatch
from compress.admm.iteration import AdmmConfig
from compress.data.datasets import Dataset
from compress.lowering.integerize import integerize
from compress.methods.prune import PruneResult, prune_hard
from compress.methods.registry import Target, prune, quantize
from compress.methods.scopes import SCOPES
from compress.methods.session import open_session
from compress.networks.fold import fold_batch_norms
from compress.networks.layers import prunable_layers
from compress.storage.archive import encode_model
from compress.train.training import accuracy

__all__ = ["MAGNITUDE", "Quantized", "Trial", "run_trial"]

MAGNITUDE = "magnitude"
"""Not a method of the registry: the projection of the dense weights, and no training at all."""


@dataclass(frozen=True)
class Quantized:
    """A set of values by name, and the bits of every layer."""

    value_set: str
    weight_bits: int
    config: AdmmConfig


@dataclass(frozen=True)
class Trial:
    """What to run.

    Members
    -------
    group : str
        The table it belongs to.
    label : str
        Its line there; a start has it once in a group for each seed of ``config`` and each ratio.
    method : str
        In ``compress.methods.registry.METHODS``, or ``MAGNITUDE``.
    quantized : Quantized, optional
        What the pruned network's weights are put on.
    """

    group: str
    label: str
    start: Start
    method: str
    target: Target
    config: AdmmConfig
    quantized: Quantized | None = None

    @property
    def name(self) -> str:
        """Of its result."""
        return f"{self.group} {self.start.name} {self.target.ratio:g}x seed {self.config.seed} {self.label}"


def run_trial(trial: Trial, results: Results) -> dict[str, Any]:
    """The trial's line of compress.json, kept once it is there."""
    torch.set_num_threads(1)
    settings = asdict(replace(trial, group="", label=""))
    if (finished := results.get(__name__, trial.name, settings)) is not None:
        return {**finished, "group": trial.group, "label": trial.label}
    dataset, network = trial.start.dataset(), dense_network(trial.start, results)
    work = results.work(__name__, trial.name, settings)
    stopwatch = Stopwatch(work / "seconds")
    dense_validation, dense_test = _dense_accuracies(trial.start, results)
    pruned = _pruned(trial, network, dataset, work, stopwatch)
    weights = [layer.weight for layer in prunable_layers(network).values()]
    last = pruned.history[-1] if pruned.history else None
    result = {
        "group": trial.group,
        "label": trial.label,
        "start": trial.start.name,
        "network": trial.start.network,
        "data": trial.start.folder or trial.start.data,
        "method": trial.method,
        "seed": trial.config.seed,
        "epochs": len(pruned.retraining) + trial.config.epochs_per_iteration * len(pruned.history),
        "train_images": len(dataset.train),
        "pruning_ratio": sum(x.numel() for x in weights) / max(1, sum(int(x.count_nonzero()) for x in weights)),
        "dense_validation": dense_validation,
        "dense_accuracy": dense_test,
        "validation_before": None if last is None else last.validation_accuracy,
        "residual": None if last is None else max(residual.relative_primal for residual in last.residuals),
        "validation_accuracy": accuracy(network, dataset.validation),
        "test_accuracy": accuracy(network, dataset.test),
        **_quantized(trial, network, dataset, work, stopwatch),
        "seconds": stopwatch.seconds,
        "commit": commit_of_source(),
    }
    results.put(__name__, trial.name, settings, result)
    return result


@cache
def _dense_accuracies(start: Start, results: Results) -> tuple[float, float]:
    """On the validation and on the test images."""
    network, dataset = dense_network(start, results), start.dataset()
    return accuracy(network, dataset.validation), accuracy(network, dataset.test)


def _pruned(trial: Trial, network: nn.Module, dataset: Dataset, work: Path, stopwatch: Stopwatch) -> PruneResult:
    if trial.method != MAGNITUDE:
        return prune(network, dataset, trial.method, trial.target, trial.config, work, stopwatch.note).pruned
    constraints = SCOPES[trial.target.scope].constraints(network, trial.target)
    with open_session(MAGNITUDE, network, dataset, trial.config) as run:
        return PruneResult(prune_hard(run, constraints), (), ())


def _quantized(trial: Trial, network: nn.Module, dataset: Dataset, work: Path, stopwatch: Stopwatch) -> dict[str, Any]:
    """Accuracies with quantized weights and the bytes of the archive; nothing where none are asked for."""
    chosen = trial.quantized
    if chosen is None:
        return {}
    folded = fold_batch_norms(network, dataset.input_shape)
    found = quantize(
        folded,
        dataset,
        chosen.value_set,
        {"*": chosen.weight_bits},
        chosen.config,
        work / "quantize.pt",
        stopwatch.note,
    )
    model = integerize(folded, found, dataset.validation, dataset.input_shape)
    return {
        "quantized_validation": accuracy(folded, dataset.validation),
        "quantized_test": accuracy(folded, dataset.test),
        "archive_bytes": len(encode_model(model)),
    }
