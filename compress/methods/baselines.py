"""The methods that ADMM is compared with: same network, same constraint sets, same number of training epochs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from compress.admm.sensitivity import sensitivity_for
from compress.admm.split_variables import Constraint, project_weights
from compress.base.errors import CodesignError
from compress.methods.prune import PruneResult, PruningMethod, gradual, prune_and_retrain
from compress.methods.session import Session
from compress.train.training import EpochRecord

__all__ = ["iterative", "prune_iteratively", "prune_one_shot", "prune_projected"]


def _one_shot(run: Session, constraints: Sequence[Constraint]) -> PruneResult:
    masks, records = prune_and_retrain(run, constraints, "one-shot", run.config.epochs)
    return PruneResult(masks, (), records)


def _projected(run: Session, constraints: Sequence[Constraint]) -> PruneResult:
    sensitivity = sensitivity_for(constraints, run.network, run.dataset.train)
    project_weights(run.network, constraints, sensitivity)
    project = partial(project_weights, run.network, constraints, sensitivity)
    records = run.train("projected", run.config.admm_epochs, after_step=project, seed=run.config.seed)
    masks, more = prune_and_retrain(run, constraints, "retrain", run.config.retrain_epochs)
    return PruneResult(masks, (), records + more)


def iterative(rounds: int) -> PruningMethod:
    """Prune by magnitude and retrain, again and again (Han et al. 2015).

    A cardinality falls by the same factor in each of the rounds, so that every round prunes the same portion of what
    is left; a constraint with a schedule has its set at that portion of the run; other sets are asked for in every
    round. ``config.epochs`` is divided among the rounds, the last one taking the rest. Fewer epochs than rounds are a
    CodesignError.
    """
    return PruningMethod(f"iterative in {rounds}", partial(_iterative, rounds))


def _iterative(rounds: int, run: Session, constraints: Sequence[Constraint]) -> PruneResult:
    epochs = run.config.epochs
    if not 1 <= rounds <= epochs:
        raise CodesignError(
            f"{rounds} rounds do not fit {epochs} epochs", "use at least one round, and at most one per epoch"
        )
    falling = gradual(run.network, constraints, rise=1.0)
    records: tuple[EpochRecord, ...] = ()
    for number in range(1, rounds + 1):
        sets = [replace(constraint, target=constraint.target_at(number / rounds)) for constraint in falling]
        share = epochs // rounds if number < rounds else epochs - len(records)
        masks, more = prune_and_retrain(run, sets, f"round {number} of {rounds}", share)
        records += more
    return PruneResult(masks, (), records)


prune_one_shot = PruningMethod("one-shot", _one_shot)
"""Keep what the projection of the trained weights keeps, and spend all epochs on masked retraining."""

prune_iteratively = iterative(rounds=5)
"""``iterative`` in five rounds."""

prune_projected = PruningMethod("projected", _projected)
"""Projected gradient: hard pruning after every step, so that masks may still change (001).

It takes as many epochs as ADMM's iterations; then the masks stay and ``config.retrain_epochs`` follow. Where weights
are compared by saliency, their sensitivity is that of the start.
"""
