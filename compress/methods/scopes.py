"""Over what kept weights are counted: a layer, the network, a row of the array, a group of neighbours."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from compress.admm.split_variables import Constraint
from compress.base.errors import CodesignError
from compress.base.layer_settings import by_layer
from compress.methods.prune import cardinality_constraints
from compress.methods.target import Target
from compress.networks.layers import prunable_layers
from compress.sets.balance import GroupCardinality, InputPattern
from compress.sets.constraints import Cardinality
from compress.sets.masks import kept_count

__all__ = ["LAYER", "NETWORK", "N_OF_M", "ROW_BALANCED", "SCOPES", "Scope", "check_pattern"]


@dataclass(frozen=True)
class Scope:
    """One way to count.

    Members
    -------
    name : str
        The value of ``scope`` in a run file.
    summary : str
        One line for people.
    constraints : callable
        The constraint sets of a network for a target.
    """

    name: str
    summary: str
    constraints: Callable[[nn.Module, Target], list[Constraint]]


def _layer(network: nn.Module, target: Target) -> list[Constraint]:
    return cardinality_constraints(network, target.layer_alphas())


def _network(network: nn.Module, target: Target) -> list[Constraint]:
    layers = prunable_layers(network)
    size = sum(layer.weight.numel() for layer in layers.values())
    return [Constraint(tuple(layers), Cardinality(target.network_count(size)))]


def _row_balanced(network: nn.Module, target: Target) -> list[Constraint]:
    layers = prunable_layers(network)
    constraints = []
    for name, alpha in by_layer(layers, target.layer_alphas()).items():
        channels, taps = layers[name].weight.shape[1], math.prod(layers[name].weight.shape[2:])
        part = math.ceil(channels / target.rows) * taps
        if (count := kept_count(part, alpha)) < part:
            constraints.append(Constraint((name,), GroupCardinality(count, target.rows)))
    return constraints


def _n_of_m(network: nn.Module, target: Target) -> list[Constraint]:
    kept, group = target.pattern_counts()
    layers = by_layer(prunable_layers(network), target.alphas or {"*": kept / group})
    return [Constraint((name,), InputPattern(kept, group)) for name, alpha in layers.items() if alpha < 1]


LAYER = Scope("layer", "each layer keeps its own number of weights", _layer)
NETWORK = Scope("network", "the network keeps a number of weights, wherever they are", _network)
ROW_BALANCED = Scope("row-balanced", "every row of the array gets as many weights of every filter", _row_balanced)
N_OF_M = Scope("n:m", "of every M neighbouring input channels N stay; an alpha of 1 leaves a layer out", _n_of_m)

SCOPES: dict[str, Scope] = {scope.name: scope for scope in (LAYER, NETWORK, ROW_BALANCED, N_OF_M)}
"""Over what kept weights are counted, by name: ``[compress] scope``."""


def check_pattern(target: Target) -> None:
    """Raise a CodesignError where another scope has a pattern, or more than the pattern says how many weights stay."""
    if target.scope != N_OF_M.name:
        if target.pattern is not None:
            raise CodesignError(
                f"pattern {target.pattern!r} is given, and scope {target.scope!r} has no pattern",
                f"choose scope {N_OF_M.name!r}, or leave pattern out",
            )
        return
    kept, group = target.pattern_counts()
    if target.ratio is not None:
        raise CodesignError(
            f"scope {N_OF_M.name!r} keeps {kept} of {group} weights, and ratio {target.ratio:g} is given",
            "leave ratio out, or choose another scope",
        )
    wrong = {layer: alpha for layer, alpha in target.alphas.items() if not _is_pattern_alpha(alpha, kept / group)}
    if wrong:
        layer, alpha = next(iter(wrong.items()))
        raise CodesignError(
            f"alpha of {layer!r} is {alpha:g}, and scope {N_OF_M.name!r} keeps {kept} of {group} weights",
            f"give {kept / group:.3g}, 1 for a layer that stays dense, or another pattern",
        )
    if target.alphas and min(target.alphas.values()) == 1:
        raise CodesignError(
            f"every alpha is 1, and layers without one stay dense: scope {N_OF_M.name!r} prunes nothing",
            f"give {kept / group:.3g} to each layer that gets the pattern, or leave alpha out",
        )


def _is_pattern_alpha(alpha: float, portion: float) -> bool:
    """Whether a layer stays dense or keeps the pattern's portion, to two decimals."""
    return alpha == 1 or abs(alpha - portion) < 0.005
