"""Real zeros around an activation, or less of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from compress.base.errors import CodesignError
from compress.model.activation import Activation, Codes
from compress.model.ops.op import Call, Mask, Op, RunsOn
from compress.model.ops.operands import single

__all__ = ["Pad"]

MAX_PADDING = 1 << 24


@dataclass(frozen=True)
class Pad(Op):
    """Codes of a real 0 before and after each axis; negative numbers take codes away.

    Members
    -------
    before, after : tuple of int
        One an axis of one sample.
    zero_point : int
        The operand's.
    """

    KIND: ClassVar = "pad"
    RUNS_ON: ClassVar = RunsOn.ADDRESSES
    KEEPS_SCALE: ClassVar = True
    TARGETS: ClassVar = frozenset({"aten.pad.default", "aten.constant_pad_nd.default"})

    before: tuple[int, ...]
    after: tuple[int, ...]
    zero_point: int

    def __post_init__(self) -> None:
        if len(self.before) != len(self.after) or any(abs(end) > MAX_PADDING for end in (*self.before, *self.after)):
            raise CodesignError(
                f"pad has the borders {self.before} and {self.after}",
                f"give each axis two of magnitude up to {MAX_PADDING}",
            )

    @classmethod
    def lower(cls, call: Call, inputs: tuple[Activation, ...], output: Activation) -> Self:
        """Torch's list, which begins with the last axis."""
        mode, value = call.arguments.get("mode", "constant"), call.arguments.get("value")
        if mode != "constant" or value:
            what = f"pads with {value}" if mode == "constant" else f"pads by the mode {mode!r}"
            raise call.refuse(what, "pad with zeros")
        ends = tuple(call.arguments["pad"])
        rank = len(call.input_shapes[0]) + 1
        ends += (0,) * (2 * rank - len(ends))
        before, after = ends[0::2][::-1], ends[1::2][::-1]
        if before[0] or after[0]:
            raise call.refuse("pads the batch", "pad other axes")
        return cls(before[1:], after[1:], output.zero_point)

    def output(self, inputs: tuple[Activation, ...]) -> Activation:
        """The operand with other sizes."""
        operand = single(inputs, self.KIND)
        if len(operand.shape) != len(self.before):
            raise CodesignError(f"pad has {len(self.before)} axes, its operand {operand.shape}", "name as many axes")
        if operand.zero_point != self.zero_point:
            raise CodesignError(
                f"pad pads with {self.zero_point}, its operand's zero point is {operand.zero_point}", "calibrate again"
            )
        sizes = zip(operand.shape, self.before, self.after, strict=True)
        if any(min(before, 0) + min(after, 0) <= -size for size, before, after in sizes):
            raise CodesignError(f"pad takes all of {operand.shape} away", "leave a pixel of each axis")
        sizes = zip(operand.shape, self.before, self.after, strict=True)
        return replace(operand, shape=tuple(map(sum, sizes)))

    def run(self, *codes: Codes) -> Codes:
        """(N, ...)."""
        (operand,) = codes
        ends = list(zip(self.before, self.after, strict=True))
        kept = (slice(max(-before, 0), min(after, 0) or None) for before, after in ends)
        borders = [(max(before, 0), max(after, 0)) for before, after in ends]
        return np.pad(operand[(slice(None), *kept)], [(0, 0), *borders], constant_values=self.zero_point)

    def keep_channels(self, operands: tuple[Mask, ...], result: Mask) -> Self:
        """As many fewer at either end as leave there."""
        (operand,) = operands
        before = _left(self.before[0], operand, result)
        after = _left(self.after[0], operand[::-1], result[::-1])
        return replace(self, before=(before, *self.before[1:]), after=(after, *self.after[1:]))


def _left(end: int, operand: Mask, result: Mask) -> int:
    """What is left of the padding at the front: new channels of the result, or channels taken from the operand."""
    return int(result[:end].sum()) if end >= 0 else -int(operand[:-end].sum())
