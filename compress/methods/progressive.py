"""Prune further and further: ADMM over the whole network to ever fewer weights, each step on what the last one left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from compress.admm.iteration import AdmmConfig, AdmmStep
from compress.admm.schedules import FallingCardinality
from compress.admm.split_variables import Constraint
from compress.base.errors import CodesignError
from compress.base.progress import Progress
from compress.data.datasets import Dataset
from compress.methods.prune import PruneResult, prune_to
from compress.methods.recipe import Outcome, Recipe, Request
from compress.methods.schedules import SCHEDULES
from compress.methods.session import open_session
from compress.networks.checks import check_plain
from compress.networks.compact import compact_chain
from compress.networks.layers import prunable_layers
from compress.sets.masks import nonzero_masks
from compress.train.training import EpochRecord, FixedWeights

__all__ = ["PROGRESSIVE", "PruneStep", "prune_progressively"]


@dataclass(frozen=True, eq=False)
class PruneStep:
    """One operating point, and how it was reached: the network holds at most ``count`` nonzero weights."""

    count: int
    history: tuple[AdmmStep, ...]
    retraining: tuple[EpochRecord, ...]


def prune_progressively(
    network: nn.Module,
    dataset: Dataset,
    counts: Sequence[int],
    configs: Sequence[AdmmConfig],
    checkpoints: Path | None = None,
    progress: Progress | None = None,
) -> Iterator[PruneStep]:
    """Prune a network in place to each of ``counts`` weights in turn, and yield after each.

    Every step is ADMM with one cardinality over the whole network (002 footnote 1), falling from what the step
    before left, then masked retraining. Weights, not budgets, decide how much each layer keeps. Both train a chain of
    layers without the channels that no weight reaches any more (``compact_chain``), which takes a fraction of the
    time; within the channels that the step before left a pruned weight may still come back. A network that branches
    is trained whole.

    Parameters
    ----------
    counts : falling numbers of weights
    configs : one AdmmConfig for each count
        ``sparsity_rise`` is the portion of a step's iterations in which its count falls; 0 asks for it at once.
    checkpoints : Path, optional
        Folder for two checkpoints a step; a run started again resumes where it stopped, with identical results.

    Raises
    ------
    CodesignError
        Counts that do not fall from the network's size to 1 or more, or what ``prune_to`` raises.
    """
    check_plain(network)
    size = sum(layer.weight.numel() for layer in prunable_layers(network).values())
    if any(after >= before for before, after in zip([size, *counts], counts, strict=False)) or min(counts) < 1:
        raise CodesignError(
            f"a network of {size} weights cannot be pruned to {', '.join(map(str, counts))} one after the other",
            "give falling numbers of weights, at least 1",
        )
    for count, config in zip(counts, configs, strict=True):
        places = [checkpoints and checkpoints / f"{count}{part}.pt" for part in ("", "-retrain")]
        history = _prune(network, dataset, count, config, places[0], progress)
        yield PruneStep(count, history, _retrain(network, dataset, config, places[1], progress))


def _prune(
    network: nn.Module,
    dataset: Dataset,
    count: int,
    config: AdmmConfig,
    checkpoint: Path | None,
    progress: Progress | None,
) -> tuple[AdmmStep, ...]:
    """ADMM and the hard projection of one step."""
    small = compact_chain(network, dataset.input_shape)
    layers = prunable_layers(small.network)
    first = max(count, sum(int(layer.weight.count_nonzero()) for layer in layers.values()))
    target = Constraint(tuple(layers), FallingCardinality(first, count, config.sparsity_rise or 1 / config.iterations))
    found = prune_to(small.network, dataset, [target], replace(config, retrain_epochs=0), checkpoint, progress)
    small.restore(network)
    return found.history


def _retrain(
    network: nn.Module, dataset: Dataset, config: AdmmConfig, checkpoint: Path | None, progress: Progress | None
) -> tuple[EpochRecord, ...]:
    """Masked retraining of what the projection left."""
    small = compact_chain(network, dataset.input_shape)
    with open_session("retrain", small.network, dataset, config, checkpoint, progress) as run:
        masks = nonzero_masks(run.network, list(prunable_layers(run.network)))
        records = run.train("retrain", config.retrain_epochs, fixed=FixedWeights.outside(run.network, masks))
    small.restore(network)
    return records


def _run(request: Request) -> Outcome:
    steps, target = request.target.steps, request.target
    if not steps:
        raise CodesignError("method 'progressive' has no steps", "give rising ratios, each with its own settings")
    size = sum(layer.weight.numel() for layer in prunable_layers(request.network).values())
    counts = [replace(target, ratio=step.ratio, alphas={}).network_count(size) for step in steps]
    configs = [SCHEDULES[target.schedule].apply(step.prune) for step in steps]
    found = list(
        prune_progressively(request.network, request.dataset, counts, configs, request.folder, request.progress)
    )
    masks = nonzero_masks(request.network, list(prunable_layers(request.network)))
    history = tuple(record for step in found for record in step.history)
    retraining = tuple(record for step in found for record in step.retraining)
    return Outcome(PruneResult(masks, history, retraining), {})


PROGRESSIVE = Recipe(
    "progressive",
    "ADMM to one ratio after the other, each step on what the last one left",
    _run,
    scopes=("network",),
    stepwise=True,
    compacts=True,
)
"""``prune_progressively`` by name."""
