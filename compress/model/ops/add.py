"""Sums of activations with scales of their own: the end of a residual block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from compress.base.errors import CodesignError
from compress.model.activation import Activation, Codes
from compress.model.ops.fixed_point import MAX_SHIFT, check_fixed_point, round_shift, shared_shift, smallest_integers
from compress.model.ops.op import Call, Op, RunsOn
from compress.model.ops.operands import broadcast, check_unsigned

__all__ = ["Add"]

MULTIPLIER_BITS = 15


@dataclass(frozen=True)
class Add(Op):
    """``(sum of code_i * multiplier_i + offset + 2**(shift-1)) >> shift``, saturated: half rounds up.

    Off by half a code and, with the multipliers' rounding, by ``|code_i - zero_point_i| / 2**(shift+1)`` an operand.

    Members
    -------
    multipliers : tuple of int
        One an operand, each of magnitude below 2**15; negative for a difference. ``multiplier / 2**shift`` is the
        operand's scale over the result's.
    offset : int
        The operands' zero points times their multipliers, subtracted, and the result's zero point, shifted.
    shift : 1..40
    bits, scale, zero_point :
        Of the result; a ReLU behind the sum is the zero point 0.
    """

    KIND: ClassVar = "add"
    RUNS_ON: ClassVar = RunsOn.HOST
    SATURATES: ClassVar = True
    CHANNELWISE: ClassVar = True
    TARGETS: ClassVar = frozenset(
        {"aten.add.Tensor", "aten.add_.Tensor", "aten.sub.Tensor", "aten.sub_.Tensor", "aten.rsub.Tensor"}
    )

    multipliers: tuple[int, ...]
    offset: int
    shift: int
    bits: int
    scale: float
    zero_point: int

    def __post_init__(self) -> None:
        check_fixed_point(self.KIND, self.multipliers, self.shift, MULTIPLIER_BITS)
        if abs(self.offset) >= 1 << (MAX_SHIFT + MULTIPLIER_BITS):
            raise CodesignError(f"add has the offset {self.offset}", "calibrate the model again")

    @classmethod
    def lower(cls, call: Call, inputs: tuple[Activation, ...], output: Activation) -> Self:
        """The most precise multipliers that share a shift."""
        if len(inputs) != 2:
            raise call.refuse(f"reads {len(inputs)} activations", "add two")
        signs = _signs(call)
        factors = [sign * operand.scale / output.scale for sign, operand in zip(signs, inputs, strict=True)]
        multipliers, shift = shared_shift(call, factors, MULTIPLIER_BITS)
        zeros = sum(factor * operand.zero_point for factor, operand in zip(multipliers, inputs, strict=True))
        offset = (output.zero_point << shift) - zeros
        return cls(multipliers, offset, shift, output.bits, output.scale, output.zero_point)

    def output(self, inputs: tuple[Activation, ...]) -> Activation:
        """Of the operands' shape, with scale and zero point of its own."""
        if len(inputs) != len(self.multipliers):
            raise CodesignError(f"add reads {len(inputs)} operands", f"give it {len(self.multipliers)}")
        check_unsigned(inputs, self.KIND)
        return Activation(broadcast(inputs, self.KIND), self.bits, self.scale, self.zero_point)

    def run(self, *codes: Codes) -> Codes:
        """(N, ...) of the operands' shape."""
        integers = smallest_integers(255 * sum(map(abs, self.multipliers)) + abs(self.offset), self.shift)
        sums = np.full(np.broadcast_shapes(*(operand.shape for operand in codes)), self.offset, integers)
        for operand, factor in zip(codes, self.multipliers, strict=True):
            sums += operand.astype(integers) * factor
        return round_shift(sums, self.shift, self.bits)


def _signs(call: Call) -> tuple[float, float]:
    """What the operands are multiplied by."""
    alpha = float(call.arguments.get("alpha", 1))
    operation = call.target.split(".")[1]
    if operation == "rsub":
        return -alpha, 1.0
    return 1.0, -alpha if operation.startswith("sub") else alpha
