"""Sums without carry chains: the rows of a Booth-recoded product, added until two words are left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Value, unsigned
from amaranth.lib import data

from compress.model.requantization import MULTIPLIER_BITS

__all__ = ["booth_digits", "booth_layout", "booth_product"]

_DIGITS = MULTIPLIER_BITS // 2 + 1


def booth_layout() -> data.StructLayout:
    """The multiplier's digits -2..2 in base 4, lowest first: magnitude 1, magnitude 2, sign.

    The highest digit is never negative and has no sign.
    """
    return data.StructLayout({"one": unsigned(_DIGITS), "two": unsigned(_DIGITS), "negative": unsigned(_DIGITS - 1)})


def booth_digits(multiplier: Value) -> dict[str, Value]:
    """The members of ``booth_layout`` for an unsigned multiplier of ``MULTIPLIER_BITS`` bits."""
    padded = Cat(Const(0, 1), multiplier, Const(0, 1))
    triples = [padded[2 * digit : 2 * digit + 3] for digit in range(_DIGITS)]
    return {
        "one": Cat(low ^ middle for low, middle, _ in triples),
        "two": Cat((low ^ high) & ~(low ^ middle) for low, middle, high in triples),
        "negative": Cat(high for _, _, high in triples[:-1]),
    }


def booth_product(factor: Value, digits: Any) -> tuple[Value, Value]:
    """Two words whose sum is ``factor`` times the multiplier: a signed one, and an unsigned one.

    Rows are not extended to the product's sign: each has its sign inverted, and ones above, so that all rows together
    are the product plus 2^n, n the bits of the product.
    """
    bits = len(factor) + MULTIPLIER_BITS
    rows = _rows(factor, digits)
    while len(rows) > 2:
        rows = [word for group in range(0, len(rows), 3) for word in _carry_save(rows[group : group + 3])]
    low, high = rows
    return Cat(low[:bits], ~(low[bits:] | high[bits:]).any()).as_signed(), high[:bits]


def _rows(factor: Value, digits: Any) -> list[Value]:
    """One row for each digit; the 1 that completes a negative row's two's complement is in the next row."""
    single, double = Cat(factor, factor[-1]), Cat(Const(0, 1), factor)
    rows = []
    for digit in range(_DIGITS):
        row = (single & digits.one[digit].replicate(len(single))) | (double & digits.two[digit].replicate(len(double)))
        if digit < _DIGITS - 1:
            row ^= digits.negative[digit].replicate(len(row))
        sign = row[-1]
        if digit == 0:
            rows.append(Cat(row, sign, ~sign))
            continue
        above = Const(1, 1 if digit < _DIGITS - 1 else 0)
        rows.append(Cat(Const(0, 2 * digit - 2), digits.negative[digit - 1], Const(0, 1), row[:-1], ~sign, above))
    return rows


def _carry_save(words: Sequence[Value]) -> Sequence[Value]:
    """Three words as two of the same sum; fewer as they are."""
    if len(words) < 3:
        return words
    first, second, third = words
    return first ^ second ^ third, ((first & second) | (first & third) | (second & third)) << 1
