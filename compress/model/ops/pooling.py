"""Places of pooling windows along one axis of a map, as torch places them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from compress.model.activation import MAX_ELEMENTS, Activation
from compress.model.ops.op import Call
from compress.model.ops.operands import single_map

__all__ = ["adaptive_windows", "check_windows", "padded_map", "pair", "pooled_size"]

MAX_SIZE = 1 << 24


def pooled_size(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """Windows along an axis; in ceil mode the last may reach beyond the padding, but not start behind the map."""
    free = size + 2 * padding - dilation * (kernel - 1) - 1
    places = (free + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and (places - 1) * stride >= size + padding:
        places -= 1
    return places


def adaptive_windows(size: int, places: int) -> NDArray[np.int64]:
    """(places, 2) first and last pixel, exclusive, of windows that share an axis evenly; neighbours may overlap."""
    place = np.arange(places, dtype=np.int64)
    return np.stack([place * size // places, -(-(place + 1) * size // places)], axis=1)


def check_windows(
    kind: str,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
) -> None:
    """CodesignError for windows that no map has; like torch's, each holds a pixel of the map."""
    if min(*kernel, *stride, *dilation) < 1 or min(padding) < 0 or max(*kernel, *stride, *dilation) > MAX_SIZE:
        raise CodesignError(
            f"{kind} has the kernel {kernel}, stride {stride}, padding {padding}, dilation {dilation}",
            f"keep kernel, stride and dilation within 1..{MAX_SIZE}, and the padding from 0 on",
        )
    if any(2 * border > step * (size - 1) + 1 for border, step, size in zip(padding, dilation, kernel, strict=True)):
        raise CodesignError(
            f"{kind} has the padding {padding} around a kernel of {kernel}", "pad by half the kernel at most"
        )


def padded_map(
    inputs: tuple[Activation, ...], kind: str, padding: tuple[int, int]
) -> tuple[Activation, tuple[int, int, int]]:
    """The only operand, and its (C, H, W) before padding; CodesignError if it is too large with it."""
    operand, shape = single_map(inputs, kind)
    channels, *sizes = shape
    if channels * math.prod(size + 2 * border for size, border in zip(sizes, padding, strict=True)) > MAX_ELEMENTS:
        raise CodesignError(f"{kind} pads its map {shape} by {padding}", f"keep it within {MAX_ELEMENTS} codes")
    return operand, shape


def pair(call: Call, argument: str, default: tuple[int, int] | None = None) -> tuple[int, int]:
    """Rows and columns of an argument that is one number for both, two numbers, or left out."""
    value = call.arguments.get(argument)
    sizes = tuple(value) if isinstance(value, tuple | list) else (value,)
    if default is not None and sizes in ((), (None,)):
        return default
    if not 1 <= len(sizes) <= 2 or not all(isinstance(size, int) for size in sizes):
        raise call.refuse(f"has the {argument} {value}", "give one whole number for rows and columns, or two")
    return int(sizes[0]), int(sizes[-1])
