"""What capture gives: the calls of a network in order, its layers among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compress.model.ops.op import Call
from compress.networks.layers import LayerGeometry, Prunable

__all__ = ["LAYER", "CapturedLayer", "CapturedNetwork"]

LAYER = "codesign.layer.default"
"""The target of a Conv2d's or Linear's call, which has the layer's name."""


@dataclass(frozen=True)
class CapturedLayer:
    """A Conv2d or Linear of the network as it is called."""

    geometry: LayerGeometry
    module: Prunable


@dataclass(frozen=True, eq=False)
class CapturedNetwork:
    """What a network computes in evaluation, on one sample.

    Members
    -------
    input_shape : (C, H, W)
    calls : tuple of Call
        Each reads the images or calls before it; each is read, or is the answer.
    answer : str
    layers : mapping of call name to CapturedLayer
        In running order.
    norms : mapping of call name to the name of the BatchNorm that makes the call, and does nothing else
    """

    input_shape: tuple[int, ...]
    calls: tuple[Call, ...]
    answer: str
    layers: Mapping[str, CapturedLayer]
    norms: Mapping[str, str]

    def readers(self, name: str) -> tuple[Call, ...]:
        """The calls that read a result."""
        return tuple(call for call in self.calls if name in call.inputs)
