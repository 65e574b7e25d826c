"""Each code several times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from compress.base.errors import CodesignError
from compress.model.activation import Activation, Codes
from compress.model.ops.op import Call, Op, RunsOn
from compress.model.ops.operands import single

__all__ = ["Upsample"]

MAX_FACTOR = 1 << 24
REPEAT, EXPAND = "aten.repeat_interleave.self_int", "aten.expand.default"


@dataclass(frozen=True)
class Upsample(Op):
    """Every index of each axis ``factors`` times in a row: nearest-neighbour upsampling, repetition, broadcasting.

    Members
    -------
    factors : tuple of int
        One an axis of one sample; 1 leaves it as it is.
    """

    KIND: ClassVar = "upsample"
    RUNS_ON: ClassVar = RunsOn.ADDRESSES
    KEEPS_SCALE: ClassVar = True
    TARGETS: ClassVar = frozenset({"aten.upsample_nearest2d.vec", "aten.upsample_nearest2d.default", REPEAT, EXPAND})

    factors: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.factors or min(self.factors) < 1 or max(self.factors) > MAX_FACTOR:
            raise CodesignError(f"upsample has the factors {self.factors}", f"keep them within 1..{MAX_FACTOR}")

    @classmethod
    def lower(cls, call: Call, inputs: tuple[Activation, ...], output: Activation) -> Self:
        """The quotients of the sizes, where they are whole and torch repeats each index as often."""
        before, after = call.input_shapes[0], call.shape
        if call.target == REPEAT and call.arguments.get("dim") is None:
            raise call.refuse("flattens the batch", "name an axis")
        if len(before) != len(after) or any(size % small for small, size in zip(before, after, strict=True)):
            raise call.refuse(f"makes {before} to {after}", "enlarge by whole factors")
        factors = tuple(size // small for small, size in zip(before, after, strict=True))
        if call.target == EXPAND and any(factor > 1 < size for factor, size in zip(factors, before, strict=True)):
            raise call.refuse(f"makes {before} to {after}", "expand axes of size 1")
        if "upsample" in call.target:
            _check_nearest(call, factors)
        return cls(factors)

    def output(self, inputs: tuple[Activation, ...]) -> Activation:
        """A larger operand."""
        operand = single(inputs, self.KIND)
        if len(operand.shape) != len(self.factors):
            raise CodesignError(
                f"upsample has {len(self.factors)} factors, its operand {operand.shape}", "give one an axis"
            )
        return replace(operand, shape=tuple(map(int.__mul__, operand.shape, self.factors)))

    def run(self, *codes: Codes) -> Codes:
        """(N, ...)."""
        (larger,) = codes
        for axis, factor in enumerate(self.factors, start=1):
            if factor > 1:
                larger = np.repeat(larger, factor, axis=axis)
        return larger


def _check_nearest(call: Call, factors: tuple[int, ...]) -> None:
    """Torch rounds ``index / scale`` down in single precision: it must be what whole factors give."""
    arguments = call.arguments
    given = arguments.get("scale_factors") or (arguments.get("scales_h"), arguments.get("scales_w"))
    for size, factor, scale in zip(call.input_shapes[0][-2:], factors[-2:], given, strict=True):
        indices = np.arange(size * factor)
        step = np.float32(1 / (scale or factor))
        nearest = np.minimum(np.floor(indices.astype(np.float32) * step), size - 1).astype(np.int64)
        if factor > 2 and not np.array_equal(nearest, indices // factor):
            raise call.refuse(f"repeats pixels {factor} times but for rounding", "give the size, or another factor")
        if scale and factor <= 2 and scale != factor:
            raise call.refuse(f"has the scale {scale} for the factor {factor}", "give the size, or a whole scale")
