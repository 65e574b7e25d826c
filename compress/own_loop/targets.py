"""Constraints from their short forms: fractions and ratios by scope, levels of n bits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn

from compress.admm.iteration import AdmmConfig
from compress.admm.split_variables import Constraint, project_weights
from compress.base.errors import CodesignError
from compress.base.layer_settings import by_layer
from compress.methods.prune import gradual, with_saliency
from compress.methods.registry import check_target
from compress.methods.schedules import SCHEDULES
from compress.methods.scopes import SCOPES
from compress.methods.target import Target
from compress.networks.layers import prunable_layers
from compress.sets.constraints import ConstraintSet, Levels, LevelsOrZero, search_interval

__all__ = ["checked_constraints", "constraints_of", "intervals_of", "says_only_which_are_zero", "with_intervals"]

LevelSet = Levels | LevelsOrZero


def constraints_of(network: nn.Module, target: Target, config: AdmmConfig) -> list[Constraint]:
    """What a target asks of a network: which weights stay, their levels, or both at once.

    Levels alone are for a pruned network: weights that are zero stay zero. With a pruning target too, it is the joint
    form (000 eq. (4)). Intervals are searched on the weights as they are, those that pruning would keep.

    Raises
    ------
    CodesignError
        The target contradicts itself, asks for nothing, or names a layer that the network lacks.
    """
    check_target("admm", target)
    sparse: list[Constraint] = []
    if target.alphas or target.ratio is not None or target.pattern is not None or not target.weight_bits:
        rise = SCHEDULES[target.schedule].apply(config).sparsity_rise
        found = SCOPES[target.scope].constraints(network, target)
        sparse = gradual(network, with_saliency(found, config.saliency), rise)
    constraints = [*sparse, *_levels(network, sparse, target.weight_bits)]
    if not constraints:
        raise CodesignError("the target keeps every weight of every layer", "give an alpha below 1, or weight_bits")
    return constraints


def checked_constraints(constraints: object) -> list[Constraint]:
    """The constraints as a list; a CodesignError for none and for anything else."""
    found = list(constraints) if isinstance(constraints, Sequence) else []
    if not found or not all(isinstance(constraint, Constraint) for constraint in found):
        raise CodesignError(
            f"the target is {type(constraints).__name__}, not a Target or a list of Constraints",
            'give for example Target(ratio=10) or Target(alphas={"conv*": 0.2})',
        )
    return found


def intervals_of(constraints: Sequence[Constraint]) -> list[float | None]:
    """The interval of each constraint on levels, None of others: what was searched when a run started."""
    return [
        constraint.target.interval if isinstance(constraint.target, LevelSet) else None for constraint in constraints
    ]


def with_intervals(constraints: Sequence[Constraint], intervals: Sequence[float | None]) -> list[Constraint]:
    """The same constraints with these intervals."""
    return [
        replace(constraint, target=replace(constraint.target, interval=interval))
        if isinstance(constraint.target, LevelSet) and interval is not None
        else constraint
        for constraint, interval in zip(constraints, intervals, strict=True)
    ]


def says_only_which_are_zero(target: ConstraintSet, member: Tensor) -> bool:
    """Whether the nonzero weights of a member of the set may take other values: sparsity, not levels or clusters."""
    factors = torch.linspace(1, 2, member.numel(), dtype=member.dtype, device=member.device).reshape(member.shape)
    return torch.equal(target.project(member * factors), member * factors)


def _levels(network: nn.Module, sparse: list[Constraint], weight_bits: Mapping[str, int]) -> list[Constraint]:
    bits = by_layer(prunable_layers(network), weight_bits)
    kind = LevelsOrZero if sparse else Levels
    with _projected(network, sparse):
        weights = {name: network.get_parameter(f"{name}.weight") for name in bits}
        return [Constraint((name,), kind(bits[name], search_interval(weights[name], bits[name]))) for name in bits]


@contextmanager
def _projected(network: nn.Module, constraints: Sequence[Constraint]) -> Iterator[None]:
    """The weights are on their sets inside, by magnitude, and what they were afterwards."""
    weights = [weight for constraint in constraints for weight in constraint.weights(network)]
    before = [weight.detach().clone() for weight in weights]
    try:
        project_weights(network, [replace(constraint, saliency=0.0) for constraint in constraints])
        yield
    finally:
        with torch.no_grad():
            for weight, values in zip(weights, before, strict=True):
                weight.copy_(values)
