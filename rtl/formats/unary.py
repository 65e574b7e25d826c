"""How many zeros a stream starts with, for codes that count in unary."""

from __future__ import annotations

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Value

__all__ = ["bits_behind_one", "first_one", "place_of"]


def first_one(bits: Value) -> Value:
    """As many bits, with only the bit of the first one set; none where ``bits`` is zero."""
    return Cat(bit & ~bits[:place].any() if place else bit for place, bit in enumerate(bits))


def place_of(one: Value, first: int = 0) -> Value:
    """``first`` plus the number of the only bit that is set in ``one``; 0 where none is."""
    width = max(1, (first + len(one) - 1).bit_length())
    return reduce(or_, (Const(first + place, width) & bit.replicate(width) for place, bit in enumerate(one)))


def bits_behind_one(stream: Value, one: Value, count: int) -> Value:
    """``count`` bits of ``stream`` behind the only bit that is set in ``one``."""
    picked = (stream[place + 1 : place + 1 + count] & bit.replicate(count) for place, bit in enumerate(one))
    return reduce(or_, picked)
