"""Sums of activations with scales of their own: the end of a residual block."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from compress.base.errors import CodesignError
from compress.model.activation import Activation, Codes
from compress.model.ops.op import Call, Op, RunsOn

__all__ = ["Add"]

MULTIPLIER_BITS = 15
MAX_SHIFT = 40
SAME_SHAPE = "give both operands the same shape"


@dataclass(frozen=True)
class Add(Op):
    """``(sum of code_i * multiplier_i + offset + 2**(shift-1)) >> shift``, saturated: half rounds up.

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
    TARGETS: ClassVar = frozenset({"aten.add.Tensor", "aten.add_.Tensor", "aten.sub.Tensor", "aten.sub_.Tensor"})

    multipliers: tuple[int, ...]
    offset: int
    shift: int
    bits: int
    scale: float
    zero_point: int

    def __post_init__(self) -> None:
        limit = 1 << MULTIPLIER_BITS
        if not self.multipliers or any(abs(factor) >= limit for factor in self.multipliers):
            raise CodesignError(f"add has the multipliers {self.multipliers}", f"keep them below 2^{MULTIPLIER_BITS}")
        if not 1 <= self.shift <= MAX_SHIFT or abs(self.offset) >= 1 << (MAX_SHIFT + MULTIPLIER_BITS):
            raise CodesignError(f"add has the shift {self.shift} and offset {self.offset}", "calibrate the model again")

    @classmethod
    def lower(cls, call: Call, inputs: tuple[Activation, ...], output: Activation) -> Self:
        """The most precise multipliers that share a shift."""
        alpha = call.arguments.get("alpha", 1)
        if len(inputs) != 2 or inputs[0].shape != inputs[1].shape:
            raise call.refuse(f"adds {' and '.join(str(each.shape) for each in inputs)}", SAME_SHAPE)
        signs = (1.0, -float(alpha) if "sub" in call.target else float(alpha))
        factors = [sign * operand.scale / output.scale for sign, operand in zip(signs, inputs, strict=True)]
        largest = max(map(abs, factors))
        shift = min(MULTIPLIER_BITS - 1 - math.frexp(largest)[1], MAX_SHIFT)
        if shift < 1:
            raise call.refuse(f"has operands {largest:g} times as coarse as its result", "calibrate with more images")
        multipliers = tuple(round(factor * 2.0**shift) for factor in factors)
        zeros = sum(factor * operand.zero_point for factor, operand in zip(multipliers, inputs, strict=True))
        offset = (output.zero_point << shift) - zeros
        return cls(multipliers, offset, shift, output.bits, output.scale, output.zero_point)

    def output(self, inputs: tuple[Activation, ...]) -> Activation:
        """Of the operands' shape, with scale and zero point of its own."""
        shapes = {operand.shape for operand in inputs}
        if len(inputs) != len(self.multipliers) or len(shapes) != 1:
            raise CodesignError(f"add reads {len(inputs)} operands of the shapes {sorted(shapes)}", SAME_SHAPE)
        return Activation(inputs[0].shape, self.bits, self.scale, self.zero_point)

    def run(self, *codes: Codes) -> Codes:
        """(N, ...) of the operands' shape."""
        half = 1 << (self.shift - 1)
        pairs = zip(codes, self.multipliers, strict=True)
        sums = sum((operand.astype(np.int64) * factor for operand, factor in pairs), np.int64(self.offset + half))
        return np.asarray(np.clip(sums >> self.shift, 0, (1 << self.bits) - 1), np.int16)
