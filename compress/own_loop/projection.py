"""The hard projection of a network's weights, and which of them must stay where it puts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from compress.admm.split_variables import Constraint, Sensitivity, SplitVariable, joined, project_weights
from compress.own_loop.targets import says_only_which_are_zero
from compress.sets.centroids import Clusters
from compress.sets.constraints import Levels
from compress.sets.selection import largest_positions

__all__ = ["project_portion", "pruned_from_the_start"]

Positions = dict[str, Tensor]
"""By layer, in its weight's shape: True where the weight is held."""


def pruned_from_the_start(variables: Sequence[SplitVariable]) -> Positions:
    """The zeros of constraints whose sets have none of their own: weights that were pruned before."""
    positions = {}
    for variable in variables:
        target = variable.constraint.target_at(0.0)
        if isinstance(target, Levels) or (isinstance(target, Clusters) and not target.or_zero):
            for layer, (_, part) in zip(variable.constraint.layers, variable.targets(), strict=True):
                positions[layer] = part == 0
    return positions


@torch.no_grad()
def project_portion(
    network: nn.Module,
    constraints: Sequence[Constraint],
    sensitivity: Sensitivity | None,
    portion: float,
    held: Mapping[str, Tensor],
) -> Positions:
    """Project in place; returns which weights the result fixes.

    Sets that only say which weights are zero are reached at once, and fix the zeros. Of the others, levels and
    clusters, the closest ``portion`` of each layer's nonzero weights, those in ``held`` first, takes its values and is
    fixed.
    """
    layers = {layer: None for constraint in constraints for layer in constraint.layers}
    weights = {layer: network.get_parameter(f"{layer}.weight") for layer in layers}
    before = {layer: weight.detach().clone() for layer, weight in weights.items()}
    project_weights(network, constraints, sensitivity)
    positions = {layer: weight == 0 for layer, weight in weights.items()}
    for layer in _layers_with_fixed_values(network, constraints):
        weight, projected = weights[layer], weights[layer].detach().clone()
        closest = _closest(before[layer], projected, portion, held.get(layer))
        positions[layer] |= closest
        weight.copy_(torch.where(positions[layer], projected, before[layer]))
    return positions


def _layers_with_fixed_values(network: nn.Module, constraints: Sequence[Constraint]) -> list[str]:
    fixed = [
        constraint.layers
        for constraint in constraints
        if not says_only_which_are_zero(constraint.target_at(1.0), joined(constraint.weights(network)))
    ]
    return list(dict.fromkeys(layer for layers in fixed for layer in layers))


def _closest(before: Tensor, projected: Tensor, portion: float, held: Tensor | None) -> Tensor:
    closeness = 1 / (1 + (before - projected).abs())
    if held is not None:
        closeness[held] = 2.0
    closeness[projected == 0] = 0.0
    return largest_positions(closeness, round(portion * int((projected != 0).sum())))
