"""Prune a trained network: ADMM with sparse sets, hard projection, masked retraining."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import Tensor, nn

from compress.admm.iteration import AdmmConfig, AdmmStep
from compress.admm.schedules import FallingCardinality
from compress.admm.sensitivity import sensitivity_for
from compress.admm.split_variables import Constraint, project_weights
from compress.base.layer_settings import by_layer
from compress.base.progress import Progress
from compress.data.datasets import Dataset
from compress.methods.session import Session, open_session
from compress.networks.checks import check_plain
from compress.networks.layers import prunable_layers
from compress.sets.constraints import Cardinality
from compress.sets.masks import kept_count, nonzero_masks
from compress.train.batch_norms import recalibrate_batch_norms
from compress.train.histograms import copy_weights
from compress.train.settings import seeded
from compress.train.training import EpochRecord, FixedWeights

__all__ = [
    "PruneResult",
    "PruningMethod",
    "cardinality_constraints",
    "gradual",
    "prune_admm",
    "prune_and_retrain",
    "prune_hard",
    "prune_to",
    "recalibrate",
    "with_saliency",
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


@dataclass(frozen=True)
class PruningMethod:
    """A way to prune a network to constraint sets: ADMM below, the baselines in ``compress.methods.baselines``.

    Members
    -------
    name : str
        No other method has it; a checkpoint is refused by other methods.
    steps : callable
        What the method does with an open session and the constraints.
    """

    name: str
    steps: Callable[[Session, Sequence[Constraint]], PruneResult]

    def __call__(
        self,
        network: nn.Module,
        dataset: Dataset,
        constraints: Sequence[Constraint],
        config: AdmmConfig,
        checkpoint: Path | None = None,
        progress: Progress | None = None,
    ) -> PruneResult:
        """Prune in place, in at most ``config.epochs``, and leave the network as it validated best.

        Parameters
        ----------
        constraints : list of Constraint
            Sets whose projection zeroes weights. One cardinality for the whole network is one constraint that names
            all its layers (002 footnote 1). Layers that no constraint names keep every weight.
        checkpoint : Path, optional
            Written after every ADMM iteration and every epoch; resumed from, with identical results, if it is there.
            Call again with the network as it was at the start.

        Raises
        ------
        CodesignError
            Unknown layer, or a checkpoint that is damaged or another run's.
        """
        constraints = with_saliency(constraints, config.saliency)
        kept = [repr(constraint) for constraint in constraints]
        with open_session(self.name, network, dataset, config, checkpoint, progress, kept=kept) as session:
            return self.steps(session, constraints)


def _admm_steps(run: Session, constraints: Sequence[Constraint]) -> PruneResult:
    history = run.admm("prune", gradual(run.network, constraints, run.config.sparsity_rise))
    admm_weights = copy_weights(run.network)
    masks, records = prune_and_retrain(run, constraints, "retrain", run.config.retrain_epochs)
    return PruneResult(masks, history, records, admm_weights)


prune_to = PruningMethod("prune", _admm_steps)
"""ADMM, hard projection, masked retraining. With ``config.sparsity_rise`` cardinalities fall while ADMM runs."""


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
    """``prune_to`` with one cardinality a layer: ``kept_count`` of its weights.

    Parameters
    ----------
    alphas : mapping of layer name or pattern to alpha
        Fraction kept, 0 < alpha <= 1. A layer with 1, or without an entry, keeps every weight.
    penalties : mapping of layer name or pattern to factor
        A layer's rho_i as a multiple of the common rho; 1 without an entry.

    Raises
    ------
    CodesignError
        Unknown layer, alpha out of range, or as in ``prune_to``.
    """
    check_plain(network)
    constraints = cardinality_constraints(network, alphas, penalties)
    return prune_to(network, dataset, constraints, config, checkpoint, progress)


def cardinality_constraints(
    network: nn.Module, alphas: Mapping[str, float], penalties: Mapping[str, float] | None = None
) -> list[Constraint]:
    """One cardinality for each layer with an alpha below 1; names and patterns as in ``prune_admm``."""
    layers = prunable_layers(network)
    factors = by_layer(layers, penalties or {})
    constraints = []
    for name, alpha in by_layer(layers, alphas).items():
        count = kept_count(layers[name].weight.numel(), alpha)
        if count < layers[name].weight.numel():
            constraints.append(Constraint((name,), Cardinality(count), factors.get(name, 1.0)))
    return constraints


def with_saliency(constraints: Iterable[Constraint], saliency: float) -> list[Constraint]:
    """The same constraints, those that have no saliency of their own with this one."""
    return [replace(constraint, saliency=constraint.saliency or saliency) for constraint in constraints]


def gradual(network: nn.Module, constraints: Iterable[Constraint], rise: float) -> list[Constraint]:
    """The same constraints with each cardinality falling from all weights, within a portion ``rise`` of the run.

    0 leaves all as they are. Constraints with a schedule of their own keep it, and sets other than ``Cardinality``,
    or one that keeps nothing or everything, are asked for from the start.
    """
    return [_falling(network, constraint, rise) if rise else constraint for constraint in constraints]


def _falling(network: nn.Module, constraint: Constraint, rise: float) -> Constraint:
    size = sum(weight.numel() for weight in constraint.weights(network))
    if not isinstance(constraint.target, Cardinality) or not 0 < constraint.target.count < size:
        return constraint
    return replace(constraint, target=FallingCardinality(size, constraint.target.count, rise))


def prune_hard(run: Session, constraints: Sequence[Constraint]) -> dict[str, Tensor]:
    """Hard projection of the weights, in place, and ``recalibrate``; returns the masks of ``PruneResult``."""
    project_weights(run.network, constraints, sensitivity_for(constraints, run.network, run.dataset.train))
    recalibrate(run)
    return nonzero_masks(run.network, [layer for constraint in constraints for layer in constraint.layers])


def recalibrate(run: Session) -> None:
    """Measure the statistics of batch norms anew on ``config.recalibrate_images``; 0 leaves them."""
    config = run.config
    if config.recalibrate_images:
        with seeded(config.seed):
            recalibrate_batch_norms(
                run.network,
                run.dataset.train,
                config.recalibrate_images,
                config.batch_size,
                config.augment_shift,
                config.augment_flip,
            )


def prune_and_retrain(
    run: Session, constraints: Sequence[Constraint], stage: str, epochs: int
) -> tuple[dict[str, Tensor], tuple[EpochRecord, ...]]:
    """Hard projection, then training in which the pruned weights stay zero."""
    masks = prune_hard(run, constraints)
    return masks, run.train(stage, epochs, fixed=FixedWeights.outside(run.network, masks))
