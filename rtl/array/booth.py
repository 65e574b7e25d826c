"""Products without carry chains: base-4 digits of a multiplier, their rows, and rows added up to two words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value

__all__ = ["booth_digits", "booth_multiple", "booth_rows", "named", "two_words"]


def booth_digits(padded: Value) -> dict[str, Value]:
    """Digits -2..2 of a number in base 4, lowest first: for each a magnitude of 1, one of 2 and a sign.

    ``padded`` is the number in two's complement, of an even number of bits, above a bit that is added to it.
    """
    triples = [padded[digit : digit + 3] for digit in range(0, len(padded) - 1, 2)]
    return {
        "one": Cat(low ^ middle for low, middle, _ in triples),
        "two": Cat((middle ^ high) & ~(low ^ middle) for low, middle, high in triples),
        "negative": Cat(high for _, _, high in triples),
    }


def booth_multiple(number: Value, digits: Any, digit: int) -> Value:
    """The signed ``number`` times a digit, in one bit more; of a negative digit the ones' complement.

    ``digits`` has the members of ``booth_digits``. A digit without a sign is not negative.
    """
    single, double = Cat(number, number[-1]), Cat(Const(0, 1), number)
    multiple = (single & digits.one[digit].replicate(len(single))) | (double & digits.two[digit].replicate(len(double)))
    if digit < len(digits.negative):
        multiple ^= digits.negative[digit].replicate(len(multiple))
    return multiple


def booth_rows(m: Module, number: Value, digits: Any) -> list[Value]:
    """Rows of ``number`` times each digit; the 1 that completes a negative one's two's complement is in the next row.

    Rows are not extended to the product's sign: each has its sign inverted, and ones above, so that all rows together
    are the product plus 2^n, n the bits of the product. The 1 that completes the highest digit is left to add.
    """
    last = len(digits.one) - 1
    rows = []
    for digit in range(last + 1):
        row = named(m, booth_multiple(number, digits, digit), f"row_{digit}")
        if digit == 0:
            rows.append(Cat(row, row[-1], ~row[-1]))
        else:
            below = Cat(Const(0, 2 * digit - 2), digits.negative[digit - 1], Const(0, 1))
            rows.append(Cat(below, row[:-1], ~row[-1], Const(digit < last, 1)))
    return rows


def two_words(m: Module, words: Sequence[Value]) -> Sequence[Value]:
    """At most two words of the same sum."""
    while len(words) > 2:
        words = [word for first in range(0, len(words), 3) for word in _carry_save(m, words[first : first + 3])]
    return words


def _carry_save(m: Module, words: Sequence[Value]) -> Sequence[Value]:
    """Three words as two of the same sum; fewer as they are."""
    if len(words) < 3:
        return words
    first, second, third = words
    carries = ((first & second) | (first & third) | (second & third)) << 1
    return named(m, first ^ second ^ third, "sums"), named(m, carries, "carries")


def named(m: Module, value: Value, name: str) -> Signal:
    """A signal for what is used more than once: the simulator works an expression out wherever it stands."""
    signal = Signal(value.shape(), name=name)
    m.d.comb += signal.eq(value)
    return signal
