"""Masks: which weights of each layer stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from compress.base.errors import CodesignError
from compress.base.layer_settings import by_layer
from compress.networks.layers import prunable_layers
from compress.sets.selection import largest_positions
from compress.train.training import FixedWeights

__all__ = [
    "apply_masks",
    "complete_masks",
    "hold_masked",
    "kept_count",
    "magnitude_mask",
    "nonzero_masks",
]


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


def nonzero_masks(network: nn.Module, pruned_layers: Sequence[str]) -> dict[str, Tensor]:
    """For every prunable layer a mask on the CPU: where ``pruned_layers`` are nonzero, and all of the others."""
    weights = {name: layer.weight.detach() for name, layer in prunable_layers(network).items()}
    return {name: ((weight != 0) | (name not in pruned_layers)).cpu() for name, weight in weights.items()}


def complete_masks(network: nn.Module, masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A mask for every prunable layer, all true where none is given, after checking those that are."""
    layers = prunable_layers(network)
    by_layer(layers, masks)
    for name, mask in masks.items():
        if mask.shape != layers[name].weight.shape or mask.dtype != torch.bool:
            raise CodesignError(f"the mask of {name!r} is not a bool tensor of its weight's shape", "prune again")
    return {name: masks.get(name, torch.ones(layer.weight.shape, dtype=torch.bool)) for name, layer in layers.items()}


@torch.no_grad()
def apply_masks(network: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Set the weights that masks leave out to zero, in place."""
    for name, mask in masks.items():
        weight = network.get_parameter(f"{name}.weight")
        weight.copy_(torch.where(mask.to(weight.device), weight, 0))


def hold_masked(network: nn.Module, masks: Mapping[str, Tensor]) -> FixedWeights:
    """Set the weights that masks leave out to zero, in place; returns what keeps them there."""
    apply_masks(network, masks)
    return FixedWeights.outside(network, masks)
