"""A sum times a layer's multiplier, as two words still to be added: in gates, or with a hardware multiplier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data

from compress.model.requantization import MULTIPLIER_BITS
from rtl.config import ArrayConfig

__all__ = ["factor_members", "factor_shape", "product_words"]

_DIGITS = MULTIPLIER_BITS // 2 + 1
_DSP_BITS = 16


def factor_shape(config: ArrayConfig) -> data.StructLayout:
    """A multiplier as ``product_words`` wants it: digits -2..2 in base 4, lowest first, or as it is.

    A digit is a magnitude of 1, one of 2 and a sign. The highest one is never negative.
    """
    if config.requantizer == "dsp":
        return data.StructLayout({"multiplier": unsigned(MULTIPLIER_BITS)})
    return data.StructLayout({"one": unsigned(_DIGITS), "two": unsigned(_DIGITS), "negative": unsigned(_DIGITS - 1)})


def factor_members(config: ArrayConfig, multiplier: Value) -> dict[str, Value]:
    """The members of ``factor_shape`` for an unsigned multiplier of ``MULTIPLIER_BITS`` bits."""
    if config.requantizer == "dsp":
        return {"multiplier": multiplier}
    padded = Cat(Const(0, 1), multiplier, Const(0, 1))
    triples = [padded[2 * digit : 2 * digit + 3] for digit in range(_DIGITS)]
    return {
        "one": Cat(low ^ middle for low, middle, _ in triples),
        "two": Cat((middle ^ high) & ~(low ^ middle) for low, middle, high in triples),
        "negative": Cat(high for _, _, high in triples[:-1]),
    }


def product_words(m: Module, config: ArrayConfig, total: Value, factor: Any) -> tuple[Value, Value]:
    """Two words, each with its own sign, whose sum is the signed ``total`` times the multiplier."""
    if config.requantizer == "dsp":
        return _split_product(m, total, factor.multiplier)
    return _booth_product(m, total, factor)


def _split_product(m: Module, total: Value, multiplier: Value) -> tuple[Value, Value]:
    """The product of the bits that every FPGA's multiplier has room for, and in adders that of those above."""
    low, high = total[:_DSP_BITS], total[_DSP_BITS:]
    if not len(high):
        return total * multiplier, Const(0, 1)
    return low * multiplier, sum(_multiples(m, multiplier, high), Const(0, 1)) << _DSP_BITS


def _multiples(m: Module, multiplier: Value, factor: Value) -> list[Value]:
    """Words that add up to the unsigned ``multiplier`` times the signed ``factor``: one for each of its base-4 digits.

    Of a negative digit's multiple the complement is taken; the 1 that is missing comes with it.
    """
    single, double = Cat(multiplier, Const(0, 1)), Cat(Const(0, 1), multiplier)
    padded = Cat(Const(0, 1), factor, factor[-1])
    words = []
    for digit in range((len(factor) + 1) // 2):
        low, middle, high = padded[2 * digit : 2 * digit + 3]
        multiple = Mux(low ^ middle, single, Mux(middle ^ high, double, 0)) ^ high.replicate(len(double))
        row = _named(m, Cat(multiple, high).as_signed(), f"multiple_{digit}")
        words.append((row + high) << (2 * digit))
    return words


def _booth_product(m: Module, total: Value, digits: Any) -> tuple[Value, Value]:
    """A row for each digit, added without carry chains until two are left.

    Rows are not extended to the product's sign: each has its sign inverted, and ones above, so that all rows together
    are the product plus 2^n, n the bits of the product.
    """
    bits = len(total) + MULTIPLIER_BITS
    rows = _rows(m, total, digits)
    while len(rows) > 2:
        rows = [word for first in range(0, len(rows), 3) for word in _carry_save(m, rows[first : first + 3])]
    first, second = rows
    return Cat(first[:bits], ~(first[bits:] | second[bits:]).any()).as_signed(), second[:bits]


def _rows(m: Module, total: Value, digits: Any) -> list[Value]:
    """The digits' multiples; the 1 that completes a negative one's two's complement is in the next row."""
    single, double = Cat(total, total[-1]), Cat(Const(0, 1), total)
    rows = []
    for digit in range(_DIGITS):
        multiple = (single & digits.one[digit].replicate(len(single))) | (
            double & digits.two[digit].replicate(len(double))
        )
        if digit < _DIGITS - 1:
            multiple ^= digits.negative[digit].replicate(len(multiple))
        row = _named(m, multiple, f"row_{digit}")
        if digit == 0:
            rows.append(Cat(row, row[-1], ~row[-1]))
        else:
            below = Cat(Const(0, 2 * digit - 2), digits.negative[digit - 1], Const(0, 1))
            rows.append(Cat(below, row[:-1], ~row[-1], Const(digit < _DIGITS - 1, 1)))
    return rows


def _carry_save(m: Module, words: Sequence[Value]) -> Sequence[Value]:
    """Three words as two of the same sum; fewer as they are."""
    if len(words) < 3:
        return words
    first, second, third = words
    carries = ((first & second) | (first & third) | (second & third)) << 1
    return _named(m, first ^ second ^ third, "sums"), _named(m, carries, "carries")


def _named(m: Module, value: Value, name: str) -> Signal:
    """A signal for what is used more than once: the simulator works an expression out wherever it stands."""
    signal = Signal(value.shape(), name=name)
    m.d.comb += signal.eq(value)
    return signal
