"""Alignment of two words to any pixel."""

from __future__ import annotations

from typing import Any

import pytest

from rtl.array.aligner import Aligner
from rtl.config import ArrayConfig
from tests.support import simulate


def from_odd(odd_first: int, shift: int, lanes: int) -> int:
    """Places before the shift are those of the second word."""
    return sum(((place < shift) != odd_first) << place for place in range(lanes))


@pytest.mark.parametrize("lanes", [1, 2, 3, 5, 8])
def test_every_shift_picks_neighbouring_pixels(lanes: int) -> None:
    dut = Aligner(ArrayConfig(rows=1, lanes=lanes))

    async def testbench(ctx: Any) -> None:
        ctx.set(dut.advance, 1)
        for odd_first in (0, 1):
            pixels = list(range(10, 10 + 2 * lanes))
            words = pixels[:lanes], pixels[lanes:]
            ctx.set(dut.even, words[odd_first])
            ctx.set(dut.odd, words[1 - odd_first])
            for shift in range(lanes):
                ctx.set(dut.shift, shift)
                ctx.set(dut.from_odd, from_odd(odd_first, shift, lanes))
                await ctx.tick()
                assert [ctx.get(dut.pixels[v]) for v in range(lanes)] == pixels[shift : shift + lanes]

    simulate(dut, testbench)


def test_pixels_hold_while_the_row_waits() -> None:
    dut = Aligner(ArrayConfig(rows=1, lanes=2))

    async def testbench(ctx: Any) -> None:
        ctx.set(dut.advance, 1)
        ctx.set(dut.even, [1, 2])
        await ctx.tick()
        ctx.set(dut.advance, 0)
        ctx.set(dut.even, [3, 4])
        await ctx.tick()
        assert [ctx.get(dut.pixels[v]) for v in range(2)] == [1, 2]

    simulate(dut, testbench)
