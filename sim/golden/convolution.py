"""The sums of a layer, in floating point that holds them exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from compress.model.layer import CompressedLayer

__all__ = ["Convolution"]

CHUNK = 1 << 18  # elements of the columns of some images: they stay in a core's cache


@dataclass(frozen=True, eq=False)
class Convolution:
    """A layer's matrix product, without its bias.

    Members
    -------
    layer : CompressedLayer
    weights : float array (groups, K / groups, C / groups * R * S)
        Levels, in the smallest float in which all products and their sums, in any order, are exact integers.
    largest : int
        No sum has a larger magnitude, whatever the order.
    """

    layer: CompressedLayer
    weights: NDArray[np.floating]
    largest: int

    @classmethod
    def of(cls, layer: CompressedLayer, activations_nchw: NDArray[np.integer]) -> Self:
        """For no larger activations than the given ones.

        No sum exceeds (largest activation) * (sum of a filter's level magnitudes); float32 holds every integer
        up to 2**24, float64 up to 2**53, which no layer reaches.
        """
        smallest, largest = int(activations_nchw.min(initial=0)), int(activations_nchw.max(initial=0))
        code = max(largest, -smallest, layer.input_zero_point)
        magnitudes = np.abs(layer.levels.reshape(len(layer.levels), -1), dtype=np.int64).sum(axis=1)
        bound = code * int(magnitudes.max())
        exact: np.dtype[np.float32 | np.float64] = np.dtype(np.float32 if bound <= 1 << 24 else np.float64)
        groups = layer.groups
        weights = layer.levels.reshape(groups, len(layer.levels) // groups, -1).astype(exact)
        return cls(layer, weights, bound)

    def chunks(self, images: int) -> list[slice]:
        """So many images in parts that stay in a core's cache."""
        _, height, width = self.layer.conv_shape
        columns = self.layer.levels[0].size * self.layer.groups * height * width
        size = max(1, max(CHUNK, self.weights.size) // columns)
        return [slice(start, start + size) for start in range(0, images, size)]

    def sums(self, activations_nchw: NDArray[np.integer]) -> NDArray[np.floating]:
        """(K, N, H_out, W_out) sums of level * activation."""
        filters, height, width = self.layer.conv_shape
        return (self.weights @ self._columns(activations_nchw)).reshape(filters, -1, height, width)

    def _columns(self, activations_nchw: NDArray[np.integer]) -> NDArray[np.floating]:
        """(groups, C / groups * R * S, images * H_out * W_out): what each weight of a filter is multiplied by."""
        padded = self._padded(activations_nchw)
        layer = self.layer
        channels, images = padded.shape[:2]
        _, _, *kernel = layer.levels.shape
        _, height, width = layer.conv_shape
        columns = np.empty((channels, *kernel, images, height, width), padded.dtype)
        for row, column in np.ndindex(*kernel):
            rows, across = (
                slice(place * dilation, place * dilation + (size - 1) * stride + 1, stride)
                for place, dilation, size, stride in zip(
                    (row, column), layer.dilation, (height, width), layer.stride, strict=True
                )
            )
            columns[:, row, column] = padded[:, :, rows, across]
        return columns.reshape(layer.groups, -1, images * height * width)

    def _padded(self, activations_nchw: NDArray[np.integer]) -> NDArray[np.floating]:
        """(C, N, H, W) with the layer's padding."""
        layer = self.layer
        images, channels, height, width = activations_nchw.shape
        (top, left), (bottom, right) = layer.padding, layer.padding_end or layer.padding
        shape = (channels, images, top + height + bottom, left + width + right)
        padded = np.full(shape, layer.input_zero_point, self.weights.dtype)
        padded[:, :, top : top + height, left : left + width] = activations_nchw.transpose(1, 0, 2, 3)
        return padded
