"""Counting zeros."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal

from rtl.formats.unary import bits_behind_one, first_one, place_of
from tests.support import simulate


def test_the_first_one_its_place_and_what_follows() -> None:
    m = Module()
    bits, one, place, behind = Signal(8), Signal(5), Signal(3), Signal(3)
    from_three = Signal(3)
    m.d.comb += [one.eq(first_one(bits[:5])), place.eq(place_of(one)), behind.eq(bits_behind_one(bits, one, 3))]
    m.d.comb += from_three.eq(place_of(one, first=3))

    async def testbench(ctx: Any) -> None:
        for value in range(256):
            ctx.set(bits, value)
            lowest = value & -value & 31
            assert ctx.get(one) == lowest
            assert ctx.get(place) == max(0, lowest.bit_length() - 1)
            assert ctx.get(from_three) == (lowest.bit_length() + 2 if lowest else 0)
            assert ctx.get(behind) == ((value >> lowest.bit_length()) & 7 if lowest else 0)

    simulate(m, testbench, clocked=False)
