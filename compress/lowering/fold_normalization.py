"""The normalization of images as a part of the first layer, so that an integer model reads pixels as they are."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import nn

from compress.data.normalization import Normalization
from compress.methods.quantize import QuantizeResult

__all__ = ["fold_normalization", "is_foldable"]


def is_foldable(layer: nn.Conv2d | nn.Linear, normalization: Normalization) -> bool:
    """Whether a first layer can take the normalization over exactly, its levels staying as they are.

    It must not pad, since a padding pixel is 0 after normalization, which no pixel code is; and all channels must have
    one standard deviation, since a layer has one interval.
    """
    pads = isinstance(layer, nn.Conv2d) and layer.padding not in ((0, 0), "valid")
    return not pads and len(set(normalization.std)) == 1


@torch.no_grad()
def fold_normalization(
    network: nn.Module, quantized: QuantizeResult, first_layer: str, normalization: Normalization
) -> tuple[nn.Module, QuantizeResult]:
    """A copy of a network that reads pixels, and its levels.

    With W the first layer's weights, W (x - mean) / std + b = (W / std) x + (b - sum of W mean / std), summed over the
    inputs of each output. Levels stay, their interval is divided by std.
    """
    network = copy.deepcopy(network)
    layer = network.get_submodule(first_layer)
    assert isinstance(layer, nn.Conv2d | nn.Linear)
    layer.weight.div_(normalization.std[0])
    shift = (layer.weight.double() * _means(layer, normalization)).flatten(1).sum(dim=1).float()
    layer.bias = nn.Parameter(-shift if layer.bias is None else layer.bias - shift)
    intervals = dict(quantized.intervals) | {first_layer: quantized.intervals[first_layer] / normalization.std[0]}
    return network, replace(quantized, intervals=intervals)


def _means(layer: nn.Conv2d | nn.Linear, normalization: Normalization) -> torch.Tensor:
    """The mean that each weight meets, in a shape that broadcasts with the weights."""
    mean = torch.tensor(normalization.mean, dtype=torch.float64)
    if isinstance(layer, nn.Linear):
        return mean.repeat_interleave(layer.in_features // len(mean))  # channels are flattened one after the other
    per_group, filters = layer.in_channels // layer.groups, layer.out_channels // layer.groups
    return mean.reshape(layer.groups, 1, per_group).expand(-1, filters, -1).reshape(-1, per_group, 1, 1)
