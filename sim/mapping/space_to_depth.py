"""A strided convolution as one of stride 1 on more channels: each stride phase of a channel becomes a channel.

Weight (r, s) of channel c belongs to channel ``(c * stride_y + r % stride_y) * stride_x + s % stride_x`` at
``(r // stride_y, s // stride_x)``; kernels are padded with pruned zeros. The products are the same. An axis has a
stride or a dilation, not both: ``can_fold``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.mapping.geometry import ArrayGeometry

__all__ = ["can_fold", "fold_geometry", "fold_inputs", "fold_weights"]


def can_fold(geometry: ArrayGeometry) -> bool:
    """Whether the geometry has a stride, and no dilation along its axis."""
    axes = zip(geometry.stride, geometry.dilation, strict=True)
    return geometry.stride != (1, 1) and all(1 in axis for axis in axes)


def fold_geometry(geometry: ArrayGeometry) -> ArrayGeometry:
    """Sizes after folding, for a geometry of one group; padding becomes pixels."""
    filters, channels, kernel_rows, kernel_columns = geometry.weight_shape
    (stride_y, stride_x), (height, width) = geometry.stride, geometry.output_size
    channels *= stride_y * stride_x
    rows, columns = -(-kernel_rows // stride_y), -(-kernel_columns // stride_x)
    dilation_y, dilation_x = geometry.dilation
    return ArrayGeometry(
        (filters, channels, rows, columns),
        (channels, height + dilation_y * (rows - 1), width + dilation_x * (columns - 1)),
        dilation=geometry.dilation,
        window=geometry.window,
    )


def fold_weights(weights_kcrs: NDArray[Any], stride: tuple[int, int]) -> NDArray[Any]:
    """(K, C * stride_y * stride_x, R', S') of a (K, C, R, S) array."""
    rows, columns = (-size % step for size, step in zip(weights_kcrs.shape[2:], stride, strict=True))
    return _fold(np.pad(weights_kcrs, ((0, 0), (0, 0), (0, rows), (0, columns))), stride)


def fold_inputs(activations_nchw: NDArray[np.uint8], geometry: ArrayGeometry, fill: int = 0) -> NDArray[np.uint8]:
    """(N, C * stride_y * stride_x, H', W') of ``fold_geometry``; pixels that no output reads are dropped.

    Padding becomes pixels of the code ``fill``.
    """
    _, height, width = fold_geometry(geometry).input_shape
    height, width = height * geometry.stride[0], width * geometry.stride[1]
    (above, left), (rows, columns) = geometry.padding, activations_nchw.shape[2:]
    below, right = max(0, height - above - rows), max(0, width - left - columns)
    borders = ((0, 0), (0, 0), (above, below), (left, right))
    padded = np.pad(activations_nchw, borders, constant_values=fill)
    return _fold(padded[:, :, :height, :width], geometry.stride)


def _fold(images: NDArray[Any], stride: tuple[int, int]) -> NDArray[Any]:
    """(N, C * stride_y * stride_x, H / stride_y, W / stride_x)."""
    count, channels, height, width = images.shape
    stride_y, stride_x = stride
    phases = images.reshape(count, channels, height // stride_y, stride_y, width // stride_x, stride_x)
    folded = phases.transpose(0, 1, 3, 5, 2, 4)
    return folded.reshape(count, channels * stride_y * stride_x, height // stride_y, width // stride_x)
