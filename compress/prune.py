"""Prune a trained network: ADMM with cardinality sets, hard projection, masked retraining."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from compress.admm import AdmmConfig, AdmmStep, Constraint, admm
from compress.chain import prunable_layers
from compress.checkpoint import Checkpoint, describe_run
from compress.constraints import Cardinality
from compress.data import Dataset
from compress.errors import CodesignError
from compress.selection import largest_positions
from compress.training import EpochRecord, FixedWeights, Progress, TrainingConfig, train

__all__ = ["PruneResult", "apply_masks", "check_layer_names", "kept_count", "magnitude_mask", "prune_admm", "retrain"]


@dataclass(frozen=True, eq=False)
class PruneResult:
    """Which weights stay, and how the run went.

    Members
    -------
    masks : dict of bool tensors
        For every prunable layer, in its weight's shape: True where the weight is kept.
    history : tuple of AdmmStep
    retraining : tuple of EpochRecord
    """

    masks: dict[str, Tensor]
    history: tuple[AdmmStep, ...]
    retraining: tuple[EpochRecord, ...]


def prune_admm(
    network: nn.Module,
    dataset: Dataset,
    alphas: Mapping[str, float],
    config: AdmmConfig,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> PruneResult:
    """Prune in place to ``kept_count`` weights a layer, and leave the network as it validated best.

    Parameters
    ----------
    alphas : mapping of layer name to alpha
        Fraction kept, 0 < alpha <= 1. A layer with 1, or without an entry, keeps every weight.
    checkpoint : Path, optional
        Written after every ADMM iteration and retraining epoch; resumed from if it is there. Call again with the
        network as it was at the start.

    Raises
    ------
    CodesignError
        Unknown layer, alpha out of range, or a checkpoint that is damaged or another run's.
    """
    layers = prunable_layers(network)
    check_layer_names(layers, alphas)
    counts = {name: kept_count(layers[name].weight.numel(), alphas.get(name, 1.0)) for name in layers}
    store = _open(checkpoint, describe_run("prune", network, dataset, config, kept=counts))
    constraints = [
        Constraint((name,), Cardinality(count)) for name, count in counts.items() if count < layers[name].weight.numel()
    ]
    history = admm(network, dataset, constraints, config, checkpoint=store, stage="prune", progress=progress)
    masks = {name: largest_positions(layers[name].weight, count) for name, count in counts.items()}
    apply_masks(network, masks)
    pruned = FixedWeights(network, {name: ~mask for name, mask in masks.items()})
    records = retrain(network, dataset, config, pruned, store, "retrain", progress)
    return PruneResult(masks, history, records)


def retrain(
    network: nn.Module,
    dataset: Dataset,
    config: AdmmConfig,
    fixed: FixedWeights,
    checkpoint: Checkpoint | None,
    stage: str,
    progress: Progress | None,
) -> tuple[EpochRecord, ...]:
    """Train ``config.retrain_epochs`` epochs with some weights fixed; none leaves the network as it is."""
    if config.retrain_epochs == 0:
        return ()
    training = TrainingConfig(
        epochs=config.retrain_epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        weight_decay=0.0,
        augment_shift=config.augment_shift,
        seed=config.seed + 1,
    )
    return train(network, dataset, training, progress, fixed=fixed, checkpoint=checkpoint, stage=stage)


def kept_count(size: int, alpha: float) -> int:
    """Weights that a layer of ``size`` keeps: alpha * size, rounded, at least one.

    >>> kept_count(size=150, alpha=0.1)
    15
    """
    if not 0 < alpha <= 1:
        raise CodesignError(f"alpha must be above 0 and at most 1, not {alpha}", "give the fraction of weights kept")
    return max(1, round(alpha * size))


def magnitude_mask(weights: Tensor, alpha: float) -> Tensor:
    """True for the ``kept_count`` largest magnitudes; of equal ones the first in C order are kept."""
    return largest_positions(weights, kept_count(weights.numel(), alpha))


@torch.no_grad()
def apply_masks(network: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Set the weights that masks leave out to zero, in place."""
    for name, mask in masks.items():
        weight = network.get_parameter(f"{name}.weight")
        weight.copy_(torch.where(mask, weight, torch.zeros_like(weight)))


def check_layer_names(layers: Iterable[str], given: Iterable[str]) -> None:
    """Raise a CodesignError for the first name given that is no prunable layer's."""
    layers = list(layers)
    for name in given:
        if name not in layers:
            raise CodesignError(f"the network has no prunable layer {name!r}", f"use: {', '.join(layers)}")


def _open(path: Path | None, run: dict[str, object]) -> Checkpoint | None:
    return None if path is None else Checkpoint(path, run)
