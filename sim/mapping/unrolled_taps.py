"""A convolution as a smaller one on more channels: each line of a channel's kernel becomes a channel, or each tap.

Line r of channel c is channel ``c * R + r``, which holds the lines that it reads, one for each line of outputs; tap
(r, s) is channel ``(c * R + r) * S + s``. The products are the same. Rows in lock-step share their taps; so they share
the positions of a layer with few channels too, at the cost of activation words: a pixel is stored once for each line or
tap that reads it.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.mapping.geometry import ArrayGeometry

__all__ = ["Unrolled", "unroll_geometry", "unroll_inputs", "unroll_weights", "unrollings"]


class Unrolled(IntEnum):
    """Axes of the kernel that became channels, beginning with its lines."""

    NOTHING = 0
    LINES = 1
    TAPS = 2


def unrollings(geometry: ArrayGeometry) -> tuple[Unrolled, ...]:
    """Those that change something, least first."""
    _, _, rows, columns = geometry.weight_shape
    return (Unrolled.LINES,) * (rows > 1) + (Unrolled.TAPS,) * (columns > 1)


def unroll_geometry(geometry: ArrayGeometry, how: Unrolled) -> ArrayGeometry:
    """Sizes after unrolling, with as many groups; padding of the axes that became channels becomes pixels."""
    filters, channels, *kernel = geometry.weight_shape
    split = int(how)
    taps = int(np.prod(kernel[:split]))
    ones, zeros, end = (1,) * split, (0,) * split, geometry.padding_end
    rows, columns = (*ones, *kernel[split:])
    height, width = (*geometry.output_size[:split], *geometry.input_shape[1 + split :])
    return ArrayGeometry(
        (filters, channels * taps, rows, columns),
        (geometry.input_shape[0] * taps, height, width),
        _pair(ones, geometry.stride),
        _pair(zeros, geometry.padding),
        groups=geometry.groups,
        dilation=_pair(ones, geometry.dilation),
        padding_end=None if end is None else _pair(zeros, end),
        window=geometry.window,
    )


def _pair(first: tuple[int, ...], both: tuple[int, int]) -> tuple[int, int]:
    rows, columns = (*first, *both[len(first) :])
    return rows, columns


def unroll_weights(weights_kcrs: NDArray[Any], how: Unrolled) -> NDArray[Any]:
    """(K, C * R, 1, S) of a (K, C, R, S) array, or (K, C * R * S, 1, 1)."""
    return weights_kcrs.reshape(len(weights_kcrs), -1, *(1,) * how, *weights_kcrs.shape[2 + how :])


def unroll_inputs(
    activations_nchw: NDArray[np.uint8], geometry: ArrayGeometry, how: Unrolled, fill: int = 0
) -> NDArray[np.uint8]:
    """Inputs of ``unroll_geometry``; padding that becomes pixels has the code ``fill``."""
    for axis in range(how):
        activations_nchw = _unrolled(activations_nchw, geometry, axis, fill)
    return activations_nchw


def _unrolled(images: NDArray[np.uint8], geometry: ArrayGeometry, axis: int, fill: int) -> NDArray[np.uint8]:
    """What each place of the kernel along an axis reads for each output, as a channel of its own."""
    kernel, outputs = geometry.weight_shape[2 + axis], geometry.output_size[axis]
    stride, dilation, before = geometry.stride[axis], geometry.dilation[axis], geometry.padding[axis]
    first = np.arange(kernel) * dilation
    reads = first[:, None] + np.arange(outputs) * stride
    borders = [(0, 0)] * 4
    borders[2 + axis] = before, max(0, int(reads.max()) + 1 - before - images.shape[2 + axis])
    padded = np.pad(images, borders, constant_values=fill)
    taken = np.stack([padded.take(places, axis=2 + axis) for places in reads], axis=2)
    return taken.reshape(len(images), -1, *taken.shape[3:])
