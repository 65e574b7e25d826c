"""The largest code of each window."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import reduce
from typing import ClassVar, Self

import numpy as np

from compress.base.errors import CodesignError
from compress.model.activation import Activation, Codes
from compress.model.ops.op import Call, Op, RunsOn
from compress.model.ops.operands import single_map
from compress.model.ops.pooling import check_windows, padded_map, pair, pooled_size

__all__ = ["MaxPool"]

ADAPTIVE = "aten.adaptive_max_pool2d.default"


@dataclass(frozen=True)
class MaxPool(Op):
    """Maxima over windows of a map; padding never wins.

    Members
    -------
    kernel, stride, padding, dilation : (rows, columns)
        As torch's; ``padding`` on all four sides.
    ceil_mode : bool
        Whether the last window may reach beyond the padding.
    """

    KIND: ClassVar = "max_pool"
    RUNS_ON: ClassVar = RunsOn.HOST
    CHANNELWISE: ClassVar = True
    KEEPS_SCALE: ClassVar = True
    TARGETS: ClassVar = frozenset({"aten.max_pool2d.default", ADAPTIVE})

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    ceil_mode: bool = False

    def __post_init__(self) -> None:
        check_windows(self.KIND, self.kernel, self.stride, self.padding, self.dilation)

    @classmethod
    def lower(cls, call: Call, inputs: tuple[Activation, ...], output: Activation) -> Self:
        """Torch's arguments; adaptive pooling where it divides the map into equal windows."""
        _, (_, *size) = single_map(inputs, cls.KIND)
        if call.target == ADAPTIVE:
            places = pair(call, "output_size")
            if min(places) < 1 or any(whole % parts for whole, parts in zip(size, places, strict=True)):
                raise call.refuse(f"divides a map of {tuple(size)} into {places} windows", "use a divisor of its size")
            kernel = size[0] // places[0], size[1] // places[1]
            return cls(kernel, kernel)
        kernel = pair(call, "kernel_size")
        stride, padding = pair(call, "stride", kernel), pair(call, "padding")
        return cls(kernel, stride, padding, pair(call, "dilation"), bool(call.arguments["ceil_mode"]))

    def output(self, inputs: tuple[Activation, ...]) -> Activation:
        """A smaller map of the operand's codes."""
        operand, (channels, height, width) = padded_map(inputs, self.KIND, self.padding)
        sizes = self._size(height, width)
        if min(sizes) < 1:
            raise CodesignError(f"max_pool's kernel {self.kernel} does not fit its map {operand.shape}", "pad the map")
        if not all(self._holds_pixels(axis, size) for axis, size in enumerate((height, width))):
            raise CodesignError(
                f"max_pool has windows of padding alone on its map {operand.shape}", "use a smaller dilation"
            )
        return replace(operand, shape=(channels, *sizes))

    def operations(self, inputs: tuple[Activation, ...]) -> int:
        """One for each pixel of each window."""
        return math.prod(self.kernel) * math.prod(self.output(inputs).shape)

    def run(self, *codes: Codes) -> Codes:
        """(N, C, H_out, W_out)."""
        (operand,) = codes
        height, width = operand.shape[2:]
        rows, columns = self._size(height, width)
        (top, left), (step_y, step_x) = self.padding, self.dilation
        bottom, right = (
            max(0, (places - 1) * stride + dilation * (kernel - 1) + 1 - size - before)
            for places, stride, dilation, kernel, size, before in zip(
                (rows, columns), self.stride, self.dilation, self.kernel, (height, width), self.padding, strict=True
            )
        )
        borders = ((0, 0), (0, 0), (top, bottom), (left, right))
        padded = np.pad(operand, borders, constant_values=np.iinfo(operand.dtype).min)
        stride_y, stride_x = self.stride
        shifted = (
            padded[:, :, row * step_y :: stride_y, column * step_x :: stride_x][:, :, :rows, :columns]
            for row, column in np.ndindex(self.kernel)
        )
        return np.asarray(reduce(np.maximum, shifted), np.int16)

    def _holds_pixels(self, axis: int, size: int) -> bool:
        """Whether every window holds a pixel of the map, which a dilated one may miss."""
        first = np.arange(self._places(axis, size), dtype=np.int64) * self.stride[axis] - self.padding[axis]
        skipped = np.maximum(0, -(first // self.dilation[axis]))
        inside = (skipped < self.kernel[axis]) & (first + skipped * self.dilation[axis] < size)
        return bool(inside.all())

    def _size(self, height: int, width: int) -> tuple[int, int]:
        return self._places(0, height), self._places(1, width)

    def _places(self, axis: int, size: int) -> int:
        kernel, stride, padding, dilation = (
            each[axis] for each in (self.kernel, self.stride, self.padding, self.dilation)
        )
        return pooled_size(size, kernel, stride, padding, dilation, self.ceil_mode)
