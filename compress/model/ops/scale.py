"""Products of two activations: the gate of squeeze and excitation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from compress.base.errors import CodesignError
from compress.model.activation import Activation, Codes
from compress.model.ops.fixed_point import check_fixed_point, round_shift, shared_shift
from compress.model.ops.op import Call, Op, RunsOn
from compress.model.ops.operands import broadcast, check_unsigned

__all__ = ["Scale"]

MULTIPLIER_BITS = 15


@dataclass(frozen=True)
class Scale(Op):
    """``((a - zero_a) * (b - zero_b) * multiplier + 2**(shift-1)) >> shift``, plus the zero point, saturated.

    Half rounds up. Off by half a code and, with the multiplier's rounding, by ``|(a - zero_a) * (b - zero_b)| /
    2**(shift+1)``.

    Members
    -------
    multiplier : 0..2**15 - 1
        ``multiplier / 2**shift`` is the product of the operands' scales over the result's.
    shift : 1..40
    zero_points : (int, int)
        Of the operands.
    bits, scale, zero_point :
        Of the result; a ReLU behind the product is the zero point 0.
    """

    KIND: ClassVar = "scale"
    RUNS_ON: ClassVar = RunsOn.HOST
    SATURATES: ClassVar = True
    CHANNELWISE: ClassVar = True
    TARGETS: ClassVar = frozenset({"aten.mul.Tensor", "aten.mul_.Tensor"})

    multiplier: int
    shift: int
    zero_points: tuple[int, int]
    bits: int
    scale: float
    zero_point: int

    def __post_init__(self) -> None:
        check_fixed_point(self.KIND, (self.multiplier,), self.shift, MULTIPLIER_BITS)

    @classmethod
    def lower(cls, call: Call, inputs: tuple[Activation, ...], output: Activation) -> Self:
        """The most precise multiplier."""
        if len(inputs) != 2:
            raise call.refuse(f"reads {len(inputs)} activations", "multiply two")
        first, second = inputs
        (multiplier,), shift = shared_shift(call, [first.scale * second.scale / output.scale], MULTIPLIER_BITS)
        zero_points = (first.zero_point, second.zero_point)
        return cls(multiplier, shift, zero_points, output.bits, output.scale, output.zero_point)

    def output(self, inputs: tuple[Activation, ...]) -> Activation:
        """Of the operands' shape, with scale and zero point of its own."""
        zero_points = tuple(operand.zero_point for operand in inputs)
        if zero_points != self.zero_points:
            raise CodesignError(
                f"scale reads operands with the zero points {zero_points}, not {self.zero_points}", "calibrate again"
            )
        check_unsigned(inputs, self.KIND)
        return Activation(broadcast(inputs, self.KIND), self.bits, self.scale, self.zero_point)

    def run(self, *codes: Codes) -> Codes:
        """(N, ...) of the operands' shape."""
        first, second = (
            operand.astype(np.int64) - zero_point for operand, zero_point in zip(codes, self.zero_points, strict=True)
        )
        return round_shift(first * second * self.multiplier + (self.zero_point << self.shift), self.shift, self.bits)
