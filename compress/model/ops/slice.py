"""A part of an axis: every few indices of it, or one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from compress.base.errors import CodesignError
from compress.model.activation import Activation, Codes
from compress.model.ops.op import Call, Mask, Op, RunsOn
from compress.model.ops.operands import single

__all__ = ["Slice"]

SLICE, SELECT, NARROW = "aten.slice.Tensor", "aten.select.int", "aten.narrow.default"


@dataclass(frozen=True)
class Slice(Op):
    """Indices ``start, start + step, ...`` below ``stop`` of one axis.

    Members
    -------
    axis : int
        Of one sample.
    start, stop : int
        ``0 <= start < stop``, and ``stop`` at most the axis's size.
    step : int
        At least 1.
    keep_axis : bool
        False takes a single index and drops the axis.
    """

    KIND: ClassVar = "slice"
    RUNS_ON: ClassVar = RunsOn.ADDRESSES
    KEEPS_SCALE: ClassVar = True
    TARGETS: ClassVar = frozenset({SLICE, SELECT, NARROW})

    axis: int
    start: int
    stop: int
    step: int = 1
    keep_axis: bool = True

    def __post_init__(self) -> None:
        if self.axis < 0 or not 0 <= self.start < self.stop or self.step < 1:
            raise CodesignError(
                f"slice takes {self.start}:{self.stop}:{self.step} of the axis {self.axis}",
                "count from 0, with a positive step, and take at least one index",
            )
        if not self.keep_axis and self.stop != self.start + 1:
            raise CodesignError(
                f"slice drops the axis {self.axis} with the indices {self.start}:{self.stop}", "take one index"
            )

    @classmethod
    def lower(cls, call: Call, inputs: tuple[Activation, ...], output: Activation) -> Self:
        """Torch's bounds, which may be missing, negative or beyond the end."""
        axis, arguments = call.axis("dim"), call.arguments
        size = call.input_shapes[0][axis]
        if call.target == SELECT:
            index = arguments["index"] % size
            return cls(axis, index, index + 1, keep_axis=False)
        if call.target == NARROW:
            start = arguments["start"] % size
            return cls(axis, start, start + arguments["length"])
        step = arguments["step"]
        start, stop, _ = slice(arguments["start"], arguments["end"]).indices(size)
        if start >= stop:
            raise call.refuse(f"takes nothing of an axis of {size}", "take at least one index")
        return cls(axis, start, stop, step)

    def output(self, inputs: tuple[Activation, ...]) -> Activation:
        """The operand with a shorter axis, or without it."""
        operand = single(inputs, self.KIND)
        shape = operand.shape
        if self.axis >= len(shape) or self.stop > shape[self.axis] or (not self.keep_axis and len(shape) == 1):
            raise CodesignError(
                f"slice takes {self.start}:{self.stop} of the axis {self.axis} of {shape}", "stay within its shape"
            )
        length = (len(range(self.start, self.stop, self.step)),) if self.keep_axis else ()
        return replace(operand, shape=(*shape[: self.axis], *length, *shape[self.axis + 1 :]))

    def run(self, *codes: Codes) -> Codes:
        """(N, ...)."""
        (operand,) = codes
        before = (slice(None),) * (self.axis + 1)
        return operand[(*before, slice(self.start, self.stop, self.step) if self.keep_axis else self.start)]

    def keep_channels(self, operands: tuple[Mask, ...], result: Mask) -> Self | None:
        """Of channels, those that are left if they are still evenly spaced; another axis stays as it is."""
        if self.axis:
            return self
        taken = np.zeros(len(operands[0]), bool)
        taken[self.start : self.stop : self.step] = True
        places = np.flatnonzero(taken[operands[0]])
        steps = np.unique(np.diff(places))
        if len(steps) > 1:
            return None
        step = int(steps[0]) if len(steps) else 1
        return replace(self, start=int(places[0]), stop=int(places[-1]) + 1, step=step)
