"""Sizes of a layer: the one place that knows how large the result of a kernel on a map is."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["ConvGeometry", "kernel_places"]


def kernel_places(
    size: int, kernel: int, stride: int, padding: int = 0, dilation: int = 1, end: int | None = None
) -> int:
    """Places of a kernel along one axis of a map, which is padded on both sides: the size of the result.

    ``end`` is the padding after the map, None where it is that before it. Weights are ``dilation`` pixels apart.

    Less than 1 where the kernel does not fit.

    >>> kernel_places(size=227, kernel=11, stride=4)
    55
    """
    padded = size + padding + (padding if end is None else end)
    return (padded - dilation * (kernel - 1) - 1) // stride + 1


@dataclass(frozen=True)
class ConvGeometry:
    """Sizes of a convolution; a Linear layer is a 1x1 convolution of a (C, 1, 1) input.

    Members
    -------
    weight_shape : (K, C / groups, R, S)
    input_shape : (C, H, W)
        One sample, before padding.
    stride, padding : (rows, columns)
        Padding with real zeros: before the first row and column.
    dilation : (rows, columns)
        Pixels from one weight of a kernel to the next.
    padding_end : (rows, columns)
        Padding after the last row and column; None where it is the same.

    >>> ConvGeometry((256, 48, 5, 5), (96, 27, 27), padding=(2, 2), groups=2).output_shape
    (256, 27, 27)
    """

    weight_shape: tuple[int, int, int, int]
    input_shape: tuple[int, int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    groups: int = 1
    dilation: tuple[int, int] = (1, 1)
    padding_end: tuple[int, int] | None = None

    @property
    def output_size(self) -> tuple[int, int]:
        """(H_out, W_out), before pooling."""
        _, _, kernel_rows, kernel_columns = self.weight_shape
        _, height, width = self.input_shape
        ends = self.padding if self.padding_end is None else self.padding_end
        rows = kernel_places(height, kernel_rows, self.stride[0], self.padding[0], self.dilation[0], ends[0])
        columns = kernel_places(width, kernel_columns, self.stride[1], self.padding[1], self.dilation[1], ends[1])
        return rows, columns

    @property
    def output_shape(self) -> tuple[int, int, int]:
        """(K, H_out, W_out) of one sample, before pooling."""
        return self.weight_shape[0], *self.output_size

    @property
    def weights(self) -> int:
        """Number of weights, of all groups."""
        return math.prod(self.weight_shape)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one sample before pruning."""
        return self.weights * math.prod(self.output_size)
