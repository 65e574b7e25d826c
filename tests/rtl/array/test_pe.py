"""A lane's multiplier and accumulator."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rtl.array.pe import PE
from rtl.config import ArrayConfig
from tests.support import simulate

operands = st.lists(st.tuples(st.integers(0, 255), st.integers(-128, 128)), min_size=1, max_size=6)
sums = st.integers(-(2**20), 2**20)


@settings(max_examples=15)
@given(st.integers(1, 3), st.lists(st.tuples(sums, operands), min_size=1, max_size=4), st.data())
def test_each_filter_gets_the_sum_from_above_whatever_the_stalls(
    depth: int, filters: list[tuple[int, list[tuple[int, int]]]], data: st.DataObject
) -> None:
    dut = PE(ArrayConfig(rows=1, lanes=1, chain_depth=depth))
    totals: list[int] = []

    async def testbench(ctx: Any) -> None:
        """A filter is closed with the first product of the next one, the last filter with none."""
        steps = [(nth == 0, operand) for _, operands in filters for nth, operand in enumerate(operands)]
        closed = -1
        for step in range(len(steps) + 2):
            while data.draw(st.booleans()):
                ctx.set(dut.activation, 7)
                await ctx.tick()
            if step < len(steps):
                ctx.set(dut.advance, 1)
                ctx.set(dut.activation, steps[step][1][0])
                ctx.set(dut.level, steps[step][1][1])
            if step > 0:
                ended = step == len(steps) + 1
                between = ended or steps[step - 1][0]
                ctx.set(dut.between, between)
                ctx.set(dut.accumulate, not ended)
                if between and closed >= 0:
                    ctx.set(dut.initial, filters[closed][0])
                    ctx.set(dut.capture, 1 << closed % depth)
                closed += between
            await ctx.tick()
            for port in (dut.advance, dut.accumulate, dut.capture):
                ctx.set(port, 0)
            if closed > len(totals):
                ctx.set(dut.oldest, 1 << len(totals) % depth)
                totals.append(ctx.get(dut.total))

    simulate(dut, testbench)
    assert totals == [initial + sum(pixel * level for pixel, level in operands) for initial, operands in filters]
