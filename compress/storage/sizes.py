"""The storage of a compressed layer: weights alone, with indices in every format, and the minimum for random masks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from compress.model.layer import CompressedLayer
from compress.storage.codes import Bitmap, Dense, Fixed, IndexFormat, best_rice
from compress.storage.live_channels import best_live_channels
from compress.storage.values import ClusteredWeights, PackedWeights

__all__ = [
    "CENTROID_BITS",
    "FIXED_BITS",
    "LayerStorage",
    "ModelStorage",
    "entropy_bits",
    "layer_storage",
    "model_storage",
    "storage_of",
]

FIXED_BITS = (3, 4, 5, 6, 8)
CENTROID_BITS = 32  # a float
DENSE_WEIGHT_BITS = 32  # a float, which the papers' ratios compare with


@dataclass(frozen=True)
class LayerStorage:
    """Bits of one layer.

    Members
    -------
    weights, nonzeros : int
        Before and after pruning; those of channels that were folded away are among ``weights``.
    weight_bits : int
        Of a nonzero weight's level, or of its label in a clustered layer.
    index_bits : tuple of (IndexFormat, int)
        Of every format that can hold the layer; Rice codes with their best parameter.
    codebook_bits : int
        Of a clustered layer's centroids.
    """

    name: str
    weights: int
    nonzeros: int
    weight_bits: int
    index_bits: tuple[tuple[IndexFormat, int], ...]
    codebook_bits: int = 0

    @property
    def data_bits(self) -> int:
        """The nonzero weights' levels, or their labels and the codebook, without indices."""
        return self.nonzeros * self.weight_bits + self.codebook_bits

    @property
    def best_format(self) -> IndexFormat:
        """The format with the fewest index bits; of equal ones the simplest."""
        return min(self.index_bits, key=lambda entry: entry[1])[0]

    def total_bits(self, index_format: IndexFormat | None = None) -> int:
        """Data and indices, in the best format or a given one."""
        return self.data_bits + dict(self.index_bits)[index_format or self.best_format]

    @property
    def floor_bits(self) -> float:
        """Data and the entropy of a random mask of this density: of a quantized layer n + H(p)/p bits per nonzero.

        A mask with dead channels is not random, and stored with its live ones (``LiveChannels``) it may take less.
        """
        return self.data_bits + self.weights * entropy_bits(self.nonzeros / self.weights)


@dataclass(frozen=True)
class ModelStorage:
    """Bits of all layers, and the papers' ratios: 32 bits for each weight before pruning over bits now."""

    layers: tuple[LayerStorage, ...]

    @property
    def weights(self) -> int:
        """Before pruning."""
        return sum(layer.weights for layer in self.layers)

    @property
    def nonzeros(self) -> int:
        """After pruning."""
        return sum(layer.nonzeros for layer in self.layers)

    @property
    def bits_per_weight(self) -> float:
        """Mean bits of a weight that is left, without its index; 0 if nothing is left."""
        return self.data_bits / self.nonzeros if self.nonzeros else 0.0

    @property
    def dense_bits(self) -> int:
        """Every weight as a 32-bit float."""
        return DENSE_WEIGHT_BITS * self.weights

    @property
    def data_bits(self) -> int:
        """The papers' "total data size"."""
        return sum(layer.data_bits for layer in self.layers)

    @property
    def total_bits(self) -> int:
        """The papers' "total model size (including index)", in each layer's best format."""
        return sum(layer.total_bits() for layer in self.layers)

    @property
    def floor_bits(self) -> float:
        """The least for random masks of these densities."""
        return sum(layer.floor_bits for layer in self.layers)

    @property
    def data_ratio(self) -> float:
        """Compression of the weight data; infinite if nothing is left."""
        return self.dense_bits / self.data_bits if self.data_bits else math.inf

    @property
    def total_ratio(self) -> float:
        """Compression with indices; infinite if nothing is left."""
        return self.dense_bits / self.total_bits if self.total_bits else math.inf


def entropy_bits(density: float) -> float:
    """H(p) = -p log2 p - (1 - p) log2 (1 - p): bits a position needs to tell whether it is nonzero.

    >>> round(entropy_bits(0.1) / 0.1, 2)
    4.69
    """
    return -sum(part * math.log2(part) for part in (density, 1 - density) if part > 0)


def layer_storage(name: str, levels: NDArray[np.integer], weight_bits: int, codebook_bits: int = 0) -> LayerStorage:
    """Bits of one layer from its levels or labels; positions are counted in C order through the whole layer."""
    positions = np.flatnonzero(levels)
    formats: list[IndexFormat] = [Dense()] if len(positions) == levels.size else []
    formats += [Bitmap(), best_rice(positions, levels.size), *(Fixed(bits) for bits in FIXED_BITS)]
    formats.append(best_live_channels(positions, levels.shape))
    sizes = tuple((index_format, index_format.bits(positions, levels.size)) for index_format in formats)
    return LayerStorage(name, int(levels.size), len(positions), weight_bits, sizes, codebook_bits)


def storage_of(layer: CompressedLayer | PackedWeights | ClusteredWeights) -> LayerStorage:
    """Bits of a quantized layer, or of a clustered one: labels, indices, 32 bits per centroid (000 Fig. 2)."""
    if isinstance(layer, ClusteredWeights):
        return layer_storage(layer.name, layer.labels, layer.weight_bits, CENTROID_BITS * len(layer.centroids))
    storage = layer_storage(layer.name, layer.levels, layer.weight_bits)
    return replace(storage, weights=layer.weights) if isinstance(layer, CompressedLayer) else storage


def model_storage(layers: Iterable[CompressedLayer | PackedWeights | ClusteredWeights]) -> ModelStorage:
    """Bits of the layers of a model."""
    return ModelStorage(tuple(storage_of(layer) for layer in layers))
