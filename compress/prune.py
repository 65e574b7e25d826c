"""Prune a trained network: ADMM with sparse sets, hard projection, masked retraining."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from compress.admm import AdmmConfig, AdmmStep, admm
from compress.chain import prunable_layers
from compress.checkpoint import Checkpoint, describe_run
from compress.constraints import Cardinality
from compress.data import Dataset
from compress.errors import CodesignError
from compress.histograms import copy_weights
from compress.patterns import by_layer
from compress.progress import Progress
from compress.running import on_device
from compress.schedules import FallingCardinality
from compress.selection import largest_positions
from compress.split import Constraint, project_weights
from compress.training import EpochRecord, FixedWeights, TrainingConfig, train

__all__ = [
    "PruneResult",
    "apply_masks",
    "cardinality_constraints",
    "kept_count",
    "magnitude_mask",
    "nonzero_masks",
    "prune_admm",
    "prune_to",
    "retrain",
]


@dataclass(frozen=True, eq=False)
class PruneResult:
    """Which weights stay, and how the run went.

    Members
    -------
    masks : dict of bool tensors
        For every prunable layer, in its weight's shape: True where the weight is kept.
    history : tuple of AdmmStep
    retraining : tuple of EpochRecord
    admm_weights : dict of float tensors
        By prunable layer, as ADMM left them, before the hard projection; none of methods without ADMM.
    """

    masks: dict[str, Tensor]
    history: tuple[AdmmStep, ...]
    retraining: tuple[EpochRecord, ...]
    admm_weights: dict[str, Tensor] = field(default_factory=dict)


def prune_admm(
    network: nn.Module,
    dataset: Dataset,
    alphas: Mapping[str, float],
    config: AdmmConfig,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    *,
    penalties: Mapping[str, float] | None = None,
) -> PruneResult:
    """Prune in place to ``kept_count`` weights a layer, and leave the network as it validated best.

    Parameters
    ----------
    alphas : mapping of layer name or pattern to alpha
        Fraction kept, 0 < alpha <= 1. A layer with 1, or without an entry, keeps every weight.
    checkpoint : Path, optional
        Written after every ADMM iteration and retraining epoch; resumed from if it is there. Call again with the
        network as it was at the start.
    penalties : mapping of layer name or pattern to factor
        A layer's rho_i as a multiple of the common rho; 1 without an entry.

    Raises
    ------
    CodesignError
        Unknown layer, alpha out of range, or a checkpoint that is damaged or another run's.
    """
    constraints = cardinality_constraints(network, alphas, config.sparsity_rise, penalties or {})
    return prune_to(network, dataset, constraints, config, checkpoint, progress)


def prune_to(
    network: nn.Module,
    dataset: Dataset,
    constraints: Sequence[Constraint],
    config: AdmmConfig,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> PruneResult:
    """Prune in place to any sets whose projection zeroes weights: ADMM, hard projection, masked retraining.

    One cardinality for the whole network is one constraint that names all its layers (002 footnote 1).
    """
    run = describe_run("prune", network, dataset, config, kept=[repr(constraint) for constraint in constraints])
    store = None if checkpoint is None else Checkpoint(checkpoint, run)
    with on_device(network, config.device):
        history = admm(network, dataset, constraints, config, checkpoint=store, stage="prune", progress=progress)
        admm_weights = copy_weights(network)
        project_weights(network, constraints)
        masks = nonzero_masks(network, [layer for constraint in constraints for layer in constraint.layers])
        pruned = FixedWeights(network, {name: ~mask for name, mask in masks.items()})
        records = retrain(network, dataset, config, pruned, store, "retrain", progress)
    return PruneResult(masks, history, records, admm_weights)


def cardinality_constraints(
    network: nn.Module,
    alphas: Mapping[str, float],
    sparsity_rise: float = 0.0,
    penalties: Mapping[str, float] | None = None,
) -> list[Constraint]:
    """One cardinality for each layer with an alpha below 1; names and patterns as in ``prune_admm``."""
    layers = prunable_layers(network)
    factors = by_layer(layers, penalties or {})
    constraints = []
    for name, alpha in by_layer(layers, alphas).items():
        size = layers[name].weight.numel()
        count = kept_count(size, alpha)
        if count < size:
            target = FallingCardinality(size, count, sparsity_rise) if sparsity_rise else Cardinality(count)
            constraints.append(Constraint((name,), target, factors.get(name, 1.0)))
    return constraints


def nonzero_masks(network: nn.Module, pruned_layers: Sequence[str]) -> dict[str, Tensor]:
    """For every prunable layer a mask on the CPU: where ``pruned_layers`` are nonzero, and all of the others."""
    weights = {name: layer.weight.detach() for name, layer in prunable_layers(network).items()}
    return {name: ((weight != 0) | (name not in pruned_layers)).cpu() for name, weight in weights.items()}


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
        device=config.device,
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
        weight.copy_(torch.where(mask.to(weight.device), weight, 0))
