"""Averages over windows that share a map evenly, such as all of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from compress.base.errors import CodesignError
from compress.model.activation import Activation, Codes
from compress.model.ops.average import round_average, window_sums
from compress.model.ops.op import Call, Op, RunsOn
from compress.model.ops.operands import single_map
from compress.model.ops.pooling import MAX_SIZE, adaptive_windows

__all__ = ["AdaptiveAveragePool"]


@dataclass(frozen=True)
class AdaptiveAveragePool(Op):
    """Averages over windows of nearly equal size: ``floor((2 * sum + count) / (2 * count))``, so half rounds up.

    Window i of n on an axis of length L is the pixels ``floor(i * L / n)`` to ``ceil((i + 1) * L / n) - 1``.

    Members
    -------
    size : (rows, columns)
        Windows along each axis; (1, 1) is global average pooling.
    """

    KIND: ClassVar = "adaptive_average_pool"
    RUNS_ON: ClassVar = RunsOn.HOST
    CHANNELWISE: ClassVar = True
    KEEPS_SCALE: ClassVar = True
    TARGETS: ClassVar = frozenset({"aten.adaptive_avg_pool2d.default", "aten._adaptive_avg_pool2d.default"})

    size: tuple[int, int]

    def __post_init__(self) -> None:
        if min(self.size) < 1 or max(self.size) > MAX_SIZE:
            raise CodesignError(f"adaptive_average_pool gives {self.size} pixels", "give at least 1x1")

    @classmethod
    def lower(cls, call: Call, inputs: tuple[Activation, ...], output: Activation) -> Self:
        """The result's size, as capture has found it."""
        if len(call.shape) != 3:
            raise call.refuse(f"gives {call.shape}", "pool a map: channels, rows, columns")
        return cls((call.shape[1], call.shape[2]))

    def output(self, inputs: tuple[Activation, ...]) -> Activation:
        """A map of ``size`` of the operand's codes."""
        operand, (channels, _, _) = single_map(inputs, self.KIND)
        return replace(operand, shape=(channels, *self.size))

    def run(self, *codes: Codes) -> Codes:
        """(N, C, *size)."""
        (operand,) = codes
        rows, columns = (
            adaptive_windows(size, places) for size, places in zip(operand.shape[2:], self.size, strict=True)
        )
        sums = window_sums(window_sums(operand.astype(np.int64), rows, axis=2), columns, axis=3)
        counts = (rows[:, 1] - rows[:, 0])[:, None] * (columns[:, 1] - columns[:, 0])
        return round_average(sums, counts)
