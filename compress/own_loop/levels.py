"""The levels of a network whose weights are on them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from compress.admm.split_variables import Constraint
from compress.base.errors import CodesignError
from compress.methods.quantize import QuantizeResult
from compress.networks.layers import prunable_layers
from compress.sets.constraints import Levels, LevelsOrZero

__all__ = ["quantized_layers"]


def quantized_layers(network: nn.Module, constraints: Sequence[Constraint]) -> QuantizeResult:
    """Levels, intervals and bits of every Conv2d and Linear, without a history.

    Raises
    ------
    CodesignError
        A layer that no constraint puts on levels, or whose weights are not on them.
    """
    targets = {
        constraint.name: constraint.target
        for constraint in constraints
        if isinstance(constraint.target, Levels | LevelsOrZero)
    }
    levels, intervals, bits = {}, {}, {}
    for name, layer in prunable_layers(network).items():
        if (target := targets.get(name)) is None:
            raise CodesignError(f"layer {name!r} has no levels", 'ask for them: Target(weight_bits={"*": 8})')
        weight = layer.weight.detach()
        if not torch.equal(target.project(weight), weight):
            raise CodesignError(f"the weights of layer {name!r} are not on their levels", "call project() first")
        levels[name] = torch.round(weight.double() / target.interval).to(torch.int16).cpu()
        intervals[name], bits[name] = target.interval, target.weight_bits
    return QuantizeResult(levels, intervals, bits, (), ())
