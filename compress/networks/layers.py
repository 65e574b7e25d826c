"""The layers of a network that have weights to prune and quantize: Conv2d and Linear."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from compress.base.errors import CodesignError
from compress.model.geometry import ConvGeometry
from compress.model.layer import LayerKind

__all__ = ["LayerGeometry", "Prunable", "prunable_layers"]

Prunable = nn.Conv2d | nn.Linear


@dataclass(frozen=True, kw_only=True)
class LayerGeometry(ConvGeometry):
    """Sizes of a Conv2d or Linear layer of a network, with the layer's name."""

    name: str
    kind: LayerKind


def prunable_layers(network: nn.Module) -> dict[str, Prunable]:
    """The Conv2d and Linear modules of a network by name, in the network's order; CodesignError if it has none."""
    layers = {name: module for name, module in network.named_modules() if isinstance(module, Prunable)}
    if not layers:
        raise CodesignError("the network has no Conv2d or Linear layer", "there is nothing to compress; add one")
    return layers
