"""A sum times a layer's multiplier, as two words still to be added: in gates, or with a hardware multiplier."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value, unsigned
from amaranth.lib import data

from compress.model.requantization import MULTIPLIER_BITS
from rtl.array.booth import booth_digits, booth_rows, two_words
from rtl.config import ArrayConfig

__all__ = ["factor_members", "factor_shape", "product_words"]

_DIGITS = MULTIPLIER_BITS // 2 + 1
_DSP_BITS = 16


def factor_shape(config: ArrayConfig) -> data.StructLayout:
    """A multiplier as ``product_words`` wants it: digits -2..2 in base 4, lowest first, or as it is.

    A digit is a magnitude of 1, one of 2 and a sign. The highest one is never negative.
    """
    if config.multipliers == "dsp":
        return data.StructLayout({"multiplier": unsigned(MULTIPLIER_BITS)})
    return data.StructLayout({"one": unsigned(_DIGITS), "two": unsigned(_DIGITS), "negative": unsigned(_DIGITS - 1)})


def factor_members(config: ArrayConfig, multiplier: Value) -> dict[str, Value]:
    """The members of ``factor_shape`` for an unsigned multiplier of ``MULTIPLIER_BITS`` bits."""
    if config.multipliers == "dsp":
        return {"multiplier": multiplier}
    digits = booth_digits(Cat(Const(0, 1), multiplier, Const(0, 1)))
    return {**digits, "negative": digits["negative"][:-1]}


def product_words(m: Module, config: ArrayConfig, total: Value, factor: Any) -> tuple[Value, Value]:
    """Two words, each with its own sign, whose sum is the signed ``total`` times the multiplier."""
    if config.multipliers == "dsp":
        return _split_product(m, total, factor.multiplier)
    return _booth_product(m, total, factor)


def _split_product(m: Module, total: Value, multiplier: Value) -> tuple[Value, Value]:
    """The product of the bits that every FPGA's multiplier has room for, and in adders that of those above."""
    low, high = total[:_DSP_BITS], total[_DSP_BITS:]
    if not len(high):
        return total * multiplier, Const(0, 1)
    return low * multiplier, _signed_product(m, multiplier, high) << _DSP_BITS


def _signed_product(m: Module, multiplier: Value, factor: Value) -> Value:
    """The unsigned ``multiplier`` times the signed ``factor``, with a single carry chain."""
    number, places = Cat(multiplier, Const(0, 1)), -(-len(factor) // 2)
    found = booth_digits(Cat(Const(0, 1), factor, factor[-1])[: 2 * places + 1])
    digits = Signal(data.StructLayout(dict.fromkeys(found, unsigned(places))), name="digits")
    m.d.comb += [digits[name].eq(value) for name, value in found.items()]
    completes = Cat(Const(0, 2 * places - 2), digits.negative[-1])
    first, second = two_words(m, [*booth_rows(m, number, digits), completes])
    return (first + second)[: len(multiplier) + 2 * places].as_signed()


def _booth_product(m: Module, total: Value, digits: Any) -> tuple[Value, Value]:
    """The two words' bits above the product's undo the 2^n that the rows have too much."""
    bits = len(total) + MULTIPLIER_BITS
    first, second = two_words(m, booth_rows(m, total, digits))
    return Cat(first[:bits], ~(first[bits:] | second[bits:]).any()).as_signed(), second[:bits]
