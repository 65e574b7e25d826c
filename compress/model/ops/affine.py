"""A factor and an offset for each channel: what batch normalizations and constants become that no layer can take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import compress
from typing import ClassVar, Self

import numpy as np

from compress.base.errors import CodesignError
from compress.model.activation import Activation, Codes
from compress.model.ops.fixed_point import check_fixed_point, round_shift, shared_shift
from compress.model.ops.op import Call, Mask, Op, RunsOn
from compress.model.ops.operands import check_unsigned, single

__all__ = ["Affine"]

MULTIPLIER_BITS = 31
LARGEST_OFFSET = 1 << 50


@dataclass(frozen=True)
class Affine(Op):
    """``(code * multiplier_c + offset_c + 2**(shift-1)) >> shift`` in channel c, saturated: half rounds up.

    Off by half a code and, with the rounding of multiplier and offset, by ``(|code - zero_point| + 1) / 2**(shift+1)``.

    Members
    -------
    multipliers : tuple of int
        One a channel, of magnitude below 2**31: so wide that a channel with a huge factor leaves the others precise.
    offsets : tuple of int
        One a channel, of magnitude at most 2**50; the operand's and the result's zero point are in them.
    shift : 1..40
    bits, scale, zero_point :
        Of the result; a ReLU behind it is the zero point 0.
    """

    KIND: ClassVar = "affine"
    RUNS_ON: ClassVar = RunsOn.HOST
    SATURATES: ClassVar = True
    CHANNELWISE: ClassVar = True
    TARGETS: ClassVar = frozenset({"codesign.affine.default"})

    multipliers: tuple[int, ...]
    offsets: tuple[int, ...]
    shift: int
    bits: int
    scale: float
    zero_point: int

    def __post_init__(self) -> None:
        check_fixed_point(self.KIND, self.multipliers, self.shift, MULTIPLIER_BITS)
        if len(self.offsets) != len(self.multipliers) or any(abs(offset) > LARGEST_OFFSET for offset in self.offsets):
            raise CodesignError(
                f"affine has {len(self.multipliers)} multipliers and {len(self.offsets)} offsets, or one above 2^50",
                "calibrate the model again",
            )

    @classmethod
    def lower(cls, call: Call, inputs: tuple[Activation, ...], output: Activation) -> Self:
        """From the real ``factor`` and ``offset`` of every channel.

        An offset beyond 2**50 saturates every code, and so does 2**50: codes reach 2**39 and the result 2**48.
        """
        (operand,) = inputs
        factors, offsets = call.arguments["factor"], call.arguments["offset"]
        if not np.isfinite(offsets).all():
            raise call.refuse("adds a number that is infinite or NaN", "train the network again, or correct it")
        scales = [factor * operand.scale / output.scale for factor in factors]
        multipliers, shift = shared_shift(call, scales, MULTIPLIER_BITS)
        real = (offset / output.scale * 2.0**shift for offset in offsets)
        whole = tuple(
            _clip(_clip(offset) + (output.zero_point << shift) - multiplier * operand.zero_point)
            for offset, multiplier in zip(real, multipliers, strict=True)
        )
        return cls(multipliers, whole, shift, output.bits, output.scale, output.zero_point)

    def output(self, inputs: tuple[Activation, ...]) -> Activation:
        """Of the operand's shape, with scale and zero point of its own."""
        operand = single(inputs, self.KIND)
        check_unsigned(inputs, self.KIND)
        if operand.shape[0] != len(self.multipliers):
            raise CodesignError(
                f"affine has {len(self.multipliers)} channels, its operand {operand.shape[0]}", "give it as many"
            )
        return Activation(operand.shape, self.bits, self.scale, self.zero_point)

    def run(self, *codes: Codes) -> Codes:
        """(N, C, ...) of the operand's shape."""
        (operand,) = codes
        sizes = (-1, *(1 for _ in operand.shape[2:]))
        multipliers, offsets = (np.array(each, np.int64).reshape(sizes) for each in (self.multipliers, self.offsets))
        return round_shift(operand.astype(np.int64) * multipliers + offsets, self.shift, self.bits)

    def keep_channels(self, operands: tuple[Mask, ...], result: Mask) -> Self:
        """Their factors and offsets."""
        return replace(
            self,
            multipliers=tuple(compress(self.multipliers, result)),
            offsets=tuple(compress(self.offsets, result)),
        )


def _clip(offset: float) -> int:
    """The closest offset that is allowed."""
    return round(max(-LARGEST_OFFSET, min(LARGEST_OFFSET, offset)))
