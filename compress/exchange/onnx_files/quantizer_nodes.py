"""What the nodes ``IntQuant``, ``Quant``, ``BipolarQuant`` and ``Trunc`` do, in the numerics of QONNX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from compress.exchange.onnx_files.node import OnnxNode
from compress.model.activation import FEWEST_BITS, MOST_BITS, Activation

__all__ = ["BIPOLAR", "QUANTIZERS", "Quantizer", "quantizer_of"]

QUANTIZERS = {"IntQuant": 3, "Quant": 3, "BipolarQuant": 0, "Trunc": 3}
"""Operators, and which of their inputs states the bits of the codes that they read or give."""

Floats = NDArray[np.float32]

BIPOLAR = "BIPOLAR"
"""How a quantizer rounds to -1 and 1; no rounding mode of the file."""

ROUNDINGS: Mapping[str, Callable[[Floats], Floats]] = {
    "ROUND": np.round,
    "HALF_EVEN": np.round,
    "CEIL": np.ceil,
    "FLOOR": np.floor,
    "UP": lambda x: np.sign(x) * np.ceil(np.abs(x)),
    "DOWN": np.fix,
    "HALF_UP": lambda x: np.sign(x) * np.floor(np.abs(x) + np.float32(0.5)),
    "HALF_DOWN": lambda x: np.sign(x) * np.ceil(np.abs(x) - np.float32(0.5)),
}


@dataclass(frozen=True, eq=False)
class Quantizer:
    """``scale * (integer - zero_point)`` with integers of ``bits`` bits.

    ``scale`` is a float32 array, of one number or one a channel of a constant.
    """

    scale: Floats
    zero_point: int
    bits: int
    signed: bool
    narrow: bool
    rounding: str

    @classmethod
    def of(cls, numbers: list[NDArray[Any]], attributes: Mapping[str, Any]) -> Quantizer:
        """From a node's inputs behind the first, and its attributes; CodesignError if they make no sense."""
        scale, zero_point, bits = (np.asarray(each, np.float32) for each in numbers[:3])
        rounding = str(attributes.get("rounding_mode", "ROUND")).upper()
        if not (np.isfinite(scale).all() and (scale > 0).all() and scale.size):
            raise CodesignError("its scale is not positive", "export it again")
        if zero_point.size != 1 or not float(zero_point.reshape(-1)[0]).is_integer():
            raise CodesignError("its zero point is not one whole number", "use one zero point")
        if bits.size != 1 or not float(bits.reshape(-1)[0]).is_integer():
            raise CodesignError("its bits are not one whole number", "use one bit width")
        if rounding not in ROUNDINGS:
            raise CodesignError(f"it rounds by {rounding!r}", f"use one of: {', '.join(ROUNDINGS)}")
        signed, narrow = bool(attributes.get("signed", 1)), bool(attributes.get("narrow", 0))
        return cls(scale, int(zero_point.reshape(-1)[0]), int(bits.reshape(-1)[0]), signed, narrow, rounding)

    @classmethod
    def bipolar(cls, scale: NDArray[Any]) -> Quantizer:
        """1 from 0 on, else -1."""
        numbers = [scale, np.zeros(()), np.full((), 2.0)]
        return replace(cls.of([np.asarray(each) for each in numbers], {"signed": 1, "narrow": 1}), rounding=BIPOLAR)

    @property
    def lowest(self) -> int:
        """The smallest integer."""
        return -(1 << (self.bits - 1)) + int(self.narrow) if self.signed else 0

    @property
    def highest(self) -> int:
        """The largest integer."""
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1 - int(self.narrow)

    def integers(self, real: Floats) -> NDArray[np.int64]:
        """What real numbers become."""
        shifted = real / self.scale + np.float32(self.zero_point)
        if self.rounding == BIPOLAR:
            return np.where(shifted >= 0, 1, -1)
        kept = np.clip(shifted, np.float32(self.lowest), np.float32(self.highest))
        return np.asarray(ROUNDINGS[self.rounding](kept), np.int64)

    def offset(self, bits: int) -> int:
        """What is added to an integer to make it an unsigned code of ``bits`` bits."""
        return 1 << (bits - 1) if self.signed else 0

    def activation(self, shape: tuple[int, ...], bits: int) -> Activation:
        """The type of codes that stand for its numbers; CodesignError if there is none."""
        if self.scale.size != 1:
            raise CodesignError("an activation has one scale a channel", "quantize activations with one scale")
        if not 1 <= self.bits <= MOST_BITS:
            raise CodesignError(f"an activation has {self.bits} bits", f"use {MOST_BITS} bits or fewer")
        if self.bits > bits:
            raise CodesignError("its bits are computed", "fold constants first, for example by qonnx's FoldConstants")
        zero_point = self.zero_point + self.offset(bits)
        return Activation(shape, max(bits, FEWEST_BITS), float(self.scale.reshape(-1)[0]), zero_point)


@dataclass(frozen=True, eq=False)
class Truncation(Quantizer):
    """Integers of a finer scale whose lower bits are dropped: ``rounding(integer / step)``."""

    fine_scale: float
    fine_zero_point: int
    step: float

    def integers(self, real: Floats) -> NDArray[np.int64]:
        """What real numbers become."""
        fine = np.round(real / np.float32(self.fine_scale) + np.float32(self.fine_zero_point)) / np.float32(self.step)
        kept = np.asarray(np.clip(fine, self.lowest, self.highest), np.float32)
        return np.asarray(ROUNDINGS[self.rounding](kept), np.int64)


def quantizer_of(node: OnnxNode) -> Quantizer:
    """What a node of ``QUANTIZERS`` rounds to; CodesignError for numbers that make no sense.

    ``Trunc`` drops the lower bits of integers: it is a quantizer of a coarser scale and zero point.
    """
    if node.op_type == "BipolarQuant":
        return Quantizer.bipolar(node.constant(1))
    if node.op_type == "Trunc":
        return _truncation(node)
    quantizer = Quantizer.of([node.constant(place) for place in (1, 2, 3)], node.attributes)
    if quantizer.bits != 1 or not quantizer.signed:
        return quantizer
    if quantizer.zero_point:
        raise CodesignError("it has one signed bit and a zero point", "use the zero point 0, or BipolarQuant")
    return Quantizer.bipolar(quantizer.scale)


def _truncation(node: OnnxNode) -> Truncation:
    """Of version 1, with the input's scale, or of version 2, which states the result's."""
    second = len(node.inputs) >= 6
    scale, zero_point, bits, *rest = (node.constant(place) for place in range(1, 6 if second else 5))
    coarse, result_bits = rest if second else (scale, rest[0])
    fine = Quantizer.of([scale, zero_point, bits], {})
    defaults = {"signed": int(second), "narrow": 0, "rounding_mode": "FLOOR"}
    result = Quantizer.of([coarse, zero_point, result_bits], {**defaults, **node.attributes})
    if fine.scale.size != 1 or result.scale.size != 1 or not 1 <= result.bits <= MOST_BITS or not fine.bits <= 32:
        raise CodesignError("it has many scales, or bits out of range", "use one scale and 8 bits or fewer")
    fine_scale, coarse_scale = (float(each.scale.reshape(-1)[0]) for each in (fine, result))
    step = 2.0 ** (np.round(np.log2(coarse_scale / fine_scale)) if second else fine.bits - result.bits)
    shifted = fine.zero_point / step if second else fine.zero_point
    if not float(shifted).is_integer():
        raise CodesignError("its zero point is no whole number behind it", "use the zero point 0")
    return Truncation(
        result.scale, int(shifted), result.bits, result.signed, result.narrow, result.rounding,
        fine_scale, fine.zero_point, float(step),
    )  # fmt: skip
