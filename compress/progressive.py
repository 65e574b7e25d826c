"""Prune further and further: ADMM over the whole network to ever fewer weights, each step on what the last one left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from compress.admm import AdmmConfig
from compress.chain import prunable_layers
from compress.compact import compact
from compress.data import Dataset
from compress.errors import CodesignError
from compress.progress import Progress
from compress.prune import PruneResult, prune_to
from compress.schedules import FallingCardinality
from compress.split import Constraint

__all__ = ["PruneStep", "prune_progressively"]


@dataclass(frozen=True, eq=False)
class PruneStep:
    """One operating point: the network holds at most ``count`` nonzero weights, and ``result`` says how it got there.

    The masks in ``result`` are those of the compact network of the step.
    """

    count: int
    result: PruneResult


def prune_progressively(
    network: nn.Module,
    dataset: Dataset,
    counts: Sequence[int],
    configs: Sequence[AdmmConfig],
    checkpoints: Path | None = None,
    progress: Progress | None = None,
) -> Iterator[PruneStep]:
    """Prune a chain of layers in place to each of ``counts`` weights in turn, and yield after each.

    Every step is ADMM with one cardinality over the whole network (002 footnote 1), falling from what the step
    before left, then masked retraining. Weights, not budgets, decide how much each layer keeps. It trains the
    network without the channels that no weight reaches any more (``compact``), so later steps are quicker; within
    the channels that are left a pruned weight may still come back.

    Parameters
    ----------
    counts : falling numbers of weights
    configs : one AdmmConfig for each count
        ``sparsity_rise`` is the portion of a step's iterations in which its count falls; 0 asks for it at once.
    checkpoints : Path, optional
        Folder for one checkpoint a step; a run started again goes on where it was, with identical results.

    Raises
    ------
    CodesignError
        Counts that do not fall from the network's size to 1 or more, a network that is no chain of layers, or what
        ``prune_to`` raises.
    """
    size = sum(layer.weight.numel() for layer in prunable_layers(network).values())
    if any(after >= before for before, after in zip([size, *counts], counts, strict=False)) or min(counts) < 1:
        raise CodesignError(
            f"a network of {size} weights cannot be pruned to {', '.join(map(str, counts))} one after the other",
            "give falling numbers of weights, at least 1",
        )
    for count, config in zip(counts, configs, strict=True):
        small = compact(network, dataset.input_shape)
        layers = prunable_layers(small.network)
        first = max(count, sum(int(layer.weight.count_nonzero()) for layer in layers.values()))
        rise = config.sparsity_rise or 1 / config.iterations
        target = Constraint(tuple(layers), FallingCardinality(first, count, rise))
        path = None if checkpoints is None else checkpoints / f"{count}.pt"
        result = prune_to(small.network, dataset, [target], config, path, progress)
        small.restore(network)
        yield PruneStep(count, result)
