"""The average code of each window."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from compress.model.activation import Activation, Codes
from compress.model.ops.average import round_average, window_sums
from compress.model.ops.op import Call, Op, RunsOn
from compress.model.ops.pooling import check_windows, padded_map, pair, pooled_size

__all__ = ["AveragePool"]

MAX_DIVISOR = 1 << 24


@dataclass(frozen=True)
class AveragePool(Op):
    """Averages over windows of a map: ``floor((2 * sum + count) / (2 * count))``, so half rounds up.

    Members
    -------
    kernel, stride, padding : (rows, columns)
        As torch's; ``padding`` on all four sides.
    ceil_mode : bool
        Whether the last window may reach beyond the padding; what is beyond never counts.
    count_padding : bool
        Whether padding counts, as pixels of ``zero_point``.
    divisor : int
        What sums are divided by instead of the window's pixels: the missing ones count as ``zero_point``. 0 where
        windows count their own.
    zero_point : int
        The operand's.
    """

    KIND: ClassVar = "average_pool"
    RUNS_ON: ClassVar = RunsOn.HOST
    CHANNELWISE: ClassVar = True
    KEEPS_SCALE: ClassVar = True
    TARGETS: ClassVar = frozenset({"aten.avg_pool2d.default"})

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)
    ceil_mode: bool = False
    count_padding: bool = True
    divisor: int = 0
    zero_point: int = 0

    def __post_init__(self) -> None:
        check_windows(self.KIND, self.kernel, self.stride, self.padding)
        if self.divisor and not math.prod(self.kernel) <= self.divisor <= MAX_DIVISOR:
            raise CodesignError(
                f"average_pool divides sums of {math.prod(self.kernel)} pixels by {self.divisor}",
                f"divide by as many pixels as the kernel has, or more, up to {MAX_DIVISOR}",
            )

    @classmethod
    def lower(cls, call: Call, inputs: tuple[Activation, ...], output: Activation) -> Self:
        """Torch's arguments; a divisor below the kernel's pixels is refused, since sums could leave the codes."""
        kernel = pair(call, "kernel_size")
        divisor = call.arguments.get("divisor_override") or 0
        if divisor and not math.prod(kernel) <= divisor <= MAX_DIVISOR:
            raise call.refuse(f"divides sums of {math.prod(kernel)} pixels by {divisor}", "leave divisor_override out")
        return cls(
            kernel,
            pair(call, "stride", kernel),
            pair(call, "padding"),
            bool(call.arguments["ceil_mode"]),
            bool(call.arguments["count_include_pad"]),
            divisor,
            output.zero_point,
        )

    def output(self, inputs: tuple[Activation, ...]) -> Activation:
        """A smaller map of the operand's codes."""
        operand, (channels, height, width) = padded_map(inputs, self.KIND, self.padding)
        sizes = len(self.windows(0, height)), len(self.windows(1, width))
        if min(sizes) < 1:
            raise CodesignError(
                f"average_pool's kernel {self.kernel} does not fit its map {operand.shape}", "pad the map"
            )
        if operand.zero_point != self.zero_point:
            raise CodesignError(
                f"average_pool pads with {self.zero_point}, its operand's zero point is {operand.zero_point}",
                "calibrate again",
            )
        return replace(operand, shape=(channels, *sizes))

    def operations(self, inputs: tuple[Activation, ...]) -> int:
        """One for each pixel of each window."""
        return math.prod(self.kernel) * math.prod(self.output(inputs).shape)

    def run(self, *codes: Codes) -> Codes:
        """(N, C, H_out, W_out)."""
        (operand,) = codes
        rows, columns = (self.windows(axis, operand.shape[2 + axis]) for axis in (0, 1))
        centred = operand.astype(np.int64) - self.zero_point
        sums = window_sums(window_sums(centred, rows, axis=2), columns, axis=3)
        counts = self.divisor or self.counts(0, operand.shape[2])[:, None] * self.counts(1, operand.shape[3])
        return np.asarray(round_average(sums, counts) + self.zero_point, np.int16)

    def windows(self, axis: int, size: int) -> NDArray[np.int64]:
        """(places, 2) first and last pixel of the map, exclusive, of each window along an axis."""
        first = self._first(axis, size)
        return np.stack([np.maximum(first, 0), np.minimum(first + self.kernel[axis], size)], axis=1)

    def counts(self, axis: int, size: int) -> NDArray[np.int64]:
        """(places,) pixels along an axis that a window counts."""
        if not self.count_padding:
            first, last = self.windows(axis, size).T
            return np.asarray(last - first, np.int64)
        first = self._first(axis, size)
        return np.asarray(np.minimum(first + self.kernel[axis], size + self.padding[axis]) - first, np.int64)

    def _first(self, axis: int, size: int) -> NDArray[np.int64]:
        kernel, stride, padding = self.kernel[axis], self.stride[axis], self.padding[axis]
        places = pooled_size(size, kernel, stride, padding, 1, self.ceil_mode)
        return np.arange(max(places, 0), dtype=np.int64) * stride - padding
