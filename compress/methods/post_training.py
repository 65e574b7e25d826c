"""Levels for a network as it is, without training: what a pruned network needs to be stored in integers."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from compress.base.errors import CodesignError
from compress.base.layer_settings import by_layer
from compress.methods.quantize import QuantizeResult
from compress.networks.checks import check_plain
from compress.networks.layers import prunable_layers
from compress.sets.constraints import Levels, search_interval

__all__ = ["levels_of", "round_weights"]


@torch.no_grad()
def round_weights(network: nn.Module, weight_bits: Mapping[str, int]) -> QuantizeResult:
    """Put every nonzero weight on the closest level of its layer, in place; weights that are zero stay zero.

    Parameters
    ----------
    weight_bits : mapping of layer name or pattern to 1..8
        For every prunable layer. At 8 bits accuracy hardly changes; fewer need ``quantize_admm``.
    """
    check_plain(network)
    layers = prunable_layers(network)
    bits = by_layer(layers, weight_bits)
    if missing := [name for name in layers if name not in bits]:
        raise CodesignError(f"layer {missing[0]!r} has no weight_bits", "give bits for every Conv2d and Linear layer")
    intervals = {name: search_interval(layer.weight, bits[name]) for name, layer in layers.items()}
    for name, layer in layers.items():
        layer.weight.copy_(Levels(bits[name], intervals[name]).project(layer.weight))
    return levels_of(network, intervals, bits)


def levels_of(network: nn.Module, intervals: Mapping[str, float], weight_bits: Mapping[str, int]) -> QuantizeResult:
    """The levels of weights that lie on levels already."""
    layers = prunable_layers(network)
    levels = {name: Levels(weight_bits[name], intervals[name]).levels(layer.weight) for name, layer in layers.items()}
    return QuantizeResult({n: part.cpu() for n, part in levels.items()}, dict(intervals), dict(weight_bits), (), ())
