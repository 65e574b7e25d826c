"""A whole compressed network: integer layers in a chain, and where they came from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from compress.base.errors import CodesignError
from compress.model.layer import CompressedLayer, LayerKind

__all__ = ["CompressedModel"]


@dataclass(frozen=True, eq=False)
class CompressedModel:
    """Layers that feed each other; layer i reads what layer i - 1 gives after its pooling.

    Members
    -------
    layers : tuple of CompressedLayer
        Each input_shape and input_scale equals the output of the layer before; a map (K, H, W) flattens, in C
        order, into a linear layer. All but the last end in a ReLU, since inputs are unsigned.
    provenance : dict
        JSON values: network, data, seed, accuracies, versions, command.
    """

    layers: tuple[CompressedLayer, ...]
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.layers:
            raise CodesignError("a compressed model needs at least one layer", "compress a network first")
        names = [layer.name for layer in self.layers]
        if len(set(names)) != len(names):
            raise CodesignError(f"layer names repeat: {', '.join(names)}", "give each layer a name of its own")
        for before, layer in zip(self.layers, self.layers[1:], strict=False):
            _check_link(before, layer)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return self.layers[0].input_shape

    def layer(self, name: str) -> CompressedLayer:
        """The layer of that name."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        names = ", ".join(layer.name for layer in self.layers)
        raise CodesignError(f"the model has no layer {name!r}", f"use one of: {names}")


def _check_link(before: CompressedLayer, layer: CompressedLayer) -> None:
    link = f"layers {before.name!r} and {layer.name!r} do not fit"
    given = before.output_shape
    if layer.kind is LayerKind.LINEAR:
        given = (math.prod(given), 1, 1)
    if given != layer.input_shape:
        raise CodesignError(f"{link}: one gives {given}, the other reads {layer.input_shape}", "check the chain")
    if not before.relu:
        raise CodesignError(f"{link}: {before.name!r} has signed outputs", f"put a ReLU after {before.name!r}")
    if before.act_bits != layer.act_bits:
        raise CodesignError(f"{link}: {before.act_bits} and {layer.act_bits} activation bits", "use one width")
    if not math.isclose(before.output_scale, layer.input_scale, rel_tol=1e-9):
        raise CodesignError(f"{link}: scales {before.output_scale} and {layer.input_scale}", "calibrate again")
