"""The methods that ADMM is compared with: same network, same weights kept, same number of training epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from torch import nn

from compress.admm import AdmmConfig
from compress.data import Dataset
from compress.errors import CodesignError
from compress.progress import Progress
from compress.prune import PruneResult, cardinality_constraints, nonzero_masks, retrain
from compress.running import on_device
from compress.split import Constraint, project_weights
from compress.training import EpochRecord, FixedWeights, TrainingConfig, train

__all__ = ["prune_iteratively", "prune_one_shot", "prune_projected"]


def prune_one_shot(
    network: nn.Module,
    dataset: Dataset,
    alphas: Mapping[str, float],
    config: AdmmConfig,
    progress: Progress | None = None,
) -> PruneResult:
    """Keep the largest magnitudes of each layer, and spend all of ``config.epochs`` on masked retraining, in place."""
    constraints = cardinality_constraints(network, alphas)
    records = _cut_and_retrain(network, dataset, constraints, config, config.epochs, "one-shot", progress)
    return _result(network, constraints, records)


def prune_iteratively(
    network: nn.Module,
    dataset: Dataset,
    alphas: Mapping[str, float],
    config: AdmmConfig,
    progress: Progress | None = None,
    *,
    rounds: int = 5,
) -> PruneResult:
    """Prune by magnitude and retrain, again and again, in place (Han et al. 2015).

    In round r of n each layer keeps alpha ** (r / n) of its weights, so that every round prunes the same portion of
    what is left; ``config.epochs`` is divided among the rounds, the last one taking the rest.
    """
    if not 1 <= rounds <= config.epochs:
        raise CodesignError(
            f"{rounds} rounds do not fit {config.epochs} epochs", "use at least 1, at most one an epoch"
        )
    records: tuple[EpochRecord, ...] = ()
    for number in range(1, rounds + 1):
        kept = {name: alpha ** (number / rounds) for name, alpha in alphas.items()}
        constraints = cardinality_constraints(network, kept)
        epochs = config.epochs // rounds if number < rounds else config.epochs - len(records)
        stage = f"round {number} of {rounds}"
        records += _cut_and_retrain(network, dataset, constraints, config, epochs, stage, progress)
    return _result(network, constraints, records)


def prune_projected(
    network: nn.Module,
    dataset: Dataset,
    alphas: Mapping[str, float],
    config: AdmmConfig,
    progress: Progress | None = None,
) -> PruneResult:
    """Projected gradient: hard pruning after every step, so that masks may still change, in place (001).

    It takes as many epochs as ADMM's iterations; then the masks stay and ``config.retrain_epochs`` follow.
    """
    constraints = cardinality_constraints(network, alphas)
    training = TrainingConfig(
        epochs=config.iterations * config.epochs_per_iteration,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        weight_decay=0.0,
        augment_shift=config.augment_shift,
        seed=config.seed,
        device=config.device,
    )
    with on_device(network, config.device):
        project_weights(network, constraints)
        project = partial(project_weights, network, constraints)
        records = train(network, dataset, training, progress, after_step=project, stage="projected")
        records += _cut_and_retrain(network, dataset, constraints, config, config.retrain_epochs, "retrain", progress)
    return _result(network, constraints, records)


def _cut_and_retrain(
    network: nn.Module,
    dataset: Dataset,
    constraints: Sequence[Constraint],
    config: AdmmConfig,
    epochs: int,
    stage: str,
    progress: Progress | None,
) -> tuple[EpochRecord, ...]:
    with on_device(network, config.device):
        project_weights(network, constraints)
        masks = nonzero_masks(network, [constraint.name for constraint in constraints])
        fixed = FixedWeights(network, {name: ~mask for name, mask in masks.items()})
        return retrain(network, dataset, replace(config, retrain_epochs=epochs), fixed, None, stage, progress)


def _result(network: nn.Module, constraints: Sequence[Constraint], records: tuple[EpochRecord, ...]) -> PruneResult:
    return PruneResult(nonzero_masks(network, [constraint.name for constraint in constraints]), (), records)
