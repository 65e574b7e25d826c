"""Sizes of every layer of a network as it is called."""

from __future__ import annotations

from torch import nn

from compress.networks.capture.capture import capture
from compress.networks.layers import LayerGeometry

__all__ = ["layer_geometries"]


def layer_geometries(network: nn.Module, input_shape: tuple[int, ...]) -> list[LayerGeometry]:
    """Sizes of the Conv2d and Linear layers in running order; raises what ``capture`` raises.

    On torch's meta device it costs no memory: ``with torch.device("meta"): network = resnet50()``.
    """
    return [layer.geometry for layer in capture(network, input_shape).layers.values()]
