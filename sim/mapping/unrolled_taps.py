"""A convolution as a 1x1 one on more channels: each kernel tap of a channel becomes a channel.

Weight (r, s) of channel c belongs to channel ``(c * R + r) * S + s``, which holds the pixels that this tap reads, one
for each output. The products are the same. Rows in lock-step share their taps; so they share the positions of a layer
with few channels too, at the cost of activation words: a pixel is stored once for each tap that reads it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.mapping.geometry import ArrayGeometry

__all__ = ["can_unroll", "unroll_geometry", "unroll_inputs", "unroll_weights"]


def can_unroll(geometry: ArrayGeometry) -> bool:
    """Whether the kernel has several taps."""
    return geometry.weight_shape[2:] != (1, 1)


def unroll_geometry(geometry: ArrayGeometry) -> ArrayGeometry:
    """Sizes after unrolling, with as many groups; padding becomes pixels."""
    filters, channels, rows, columns = geometry.weight_shape
    taps = rows * columns
    return ArrayGeometry(
        (filters, channels * taps, 1, 1),
        (geometry.input_shape[0] * taps, *geometry.output_size),
        groups=geometry.groups,
        window=geometry.window,
    )


def unroll_weights(weights_kcrs: NDArray[Any]) -> NDArray[Any]:
    """(K, C * R * S, 1, 1) of a (K, C, R, S) array."""
    return weights_kcrs.reshape(len(weights_kcrs), -1, 1, 1)


def unroll_inputs(activations_nchw: NDArray[np.uint8], geometry: ArrayGeometry, fill: int = 0) -> NDArray[np.uint8]:
    """(N, C * R * S, H_out, W_out) of ``unroll_geometry``; padding becomes pixels of the code ``fill``."""
    (above, left), (height, width) = geometry.padding, geometry.output_size
    (step_y, step_x), (apart_y, apart_x) = geometry.stride, geometry.dilation
    kernel_rows, kernel_columns = geometry.weight_shape[2:]
    count, channels, rows, columns = activations_nchw.shape
    below = max(0, (height - 1) * step_y + (kernel_rows - 1) * apart_y + 1 - above - rows)
    right = max(0, (width - 1) * step_x + (kernel_columns - 1) * apart_x + 1 - left - columns)
    borders = ((0, 0), (0, 0), (above, below), (left, right))
    padded = np.pad(activations_nchw, borders, constant_values=fill)
    taken = [
        padded[:, :, r * apart_y :: step_y, s * apart_x :: step_x][:, :, :height, :width]
        for r in range(kernel_rows)
        for s in range(kernel_columns)
    ]
    return np.stack(taken, axis=2).reshape(count, channels * len(taken), height, width)
