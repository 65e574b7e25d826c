"""The layers of a network as the array runs them, and what the run file says of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import nn

from compress.base.errors import CodesignError
from compress.base.layer_settings import by_layer
from compress.networks.capture.geometries import layer_geometries
from compress.networks.fold import fold_batch_norms
from compress.networks.layers import LayerGeometry

__all__ = ["GivenAlphas", "WeightBits", "geometries"]


def geometries(network: nn.Module, input_shape: tuple[int, int, int]) -> list[LayerGeometry]:
    """The layers of the network as the array runs it, batch norms folded."""
    return layer_geometries(fold_batch_norms(network, input_shape), input_shape)


@dataclass(frozen=True)
class WeightBits:
    """Bits of every layer's levels.

    Members
    -------
    every : int
        Of a layer that the others do not name.
    preset : mapping of layer name or pattern to int
        Of a paper.
    layers : mapping of layer name to int
        These go before the preset's.
    """

    every: int
    preset: Mapping[str, int] = field(default_factory=dict)
    layers: Mapping[str, int] = field(default_factory=dict)

    def of(self, layers: Sequence[LayerGeometry]) -> dict[str, int]:
        """By layer; a CodesignError for a name that the network lacks."""
        names = [layer.name for layer in layers]
        _check_names(self.layers, names, "compress.layer_bits")
        bits = {**by_layer(names, self.preset), **self.layers}
        return {name: bits.get(name, self.every) for name in names}


@dataclass(frozen=True)
class GivenAlphas:
    """Fractions kept that need no search.

    Members
    -------
    source : str
        Where they come from, for the report.
    preset : mapping of layer name or pattern to float
        Of a paper.
    layers : mapping of layer name to float
        These go before the preset's; a layer that neither names stays dense.
    whole : bool
        The source says it for the whole network, and nothing for single layers.
    """

    source: str
    preset: Mapping[str, float] = field(default_factory=dict)
    layers: Mapping[str, float] = field(default_factory=dict)
    whole: bool = False

    def of(self, layers: Sequence[LayerGeometry]) -> dict[str, float]:
        """By layer, empty where ``whole``; a CodesignError for a name that the network lacks."""
        names = [layer.name for layer in layers]
        _check_names(self.layers, names, "compress.alpha")
        if self.whole:
            return dict(self.layers)
        alphas = {**by_layer(names, self.preset), **self.layers}
        return {name: alphas.get(name, 1.0) for name in names}


def _check_names(given: Iterable[str], names: list[str], key: str) -> None:
    for name in given:
        if name not in names:
            raise CodesignError(f"{key} names layer {name!r}, which the network lacks", f"use: {', '.join(names)}")
