"""A lane's multiplier and accumulator."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rtl.array.lockstep_pe import LockstepPE
from rtl.array.pe import PE
from rtl.config import ArrayConfig
from tests.levels import factor_for
from tests.support import simulate

Operand = tuple[int, int]

sums = st.integers(-(2**20), 2**20)


@st.composite
def filters_of(draw: st.DrawFn, weight_bits: int) -> list[tuple[int, list[Operand]]]:
    """Sums from above, and a filter's activations and levels, 0 among them."""
    top = 1 << (weight_bits - 1)
    levels = st.integers(-top, top) | st.sampled_from([-top, top])
    operands = st.lists(st.tuples(st.integers(0, 255), levels), min_size=1, max_size=6)
    return draw(st.lists(st.tuples(sums, operands), min_size=1, max_size=4))


def feed(ctx: Any, dut: Any, operand: Operand, weight_bits: int) -> None:
    ctx.set(dut.activation, operand[0])
    ctx.set(dut.factor, factor_for(operand[1], weight_bits))


@settings(max_examples=40)
@given(st.integers(1, 3), st.integers(1, 8), st.data())
def test_each_filter_gets_the_sum_from_above_whatever_the_stalls(
    depth: int, weight_bits: int, data: st.DataObject
) -> None:
    filters = data.draw(filters_of(weight_bits))
    dut = PE(ArrayConfig(rows=1, lanes=1, weight_bits=weight_bits, chain_depth=depth))
    stage = weight_bits > 2
    totals: list[int] = []

    async def testbench(ctx: Any) -> None:
        """A filter is closed with the first product of the next one, the last filter with none."""
        steps = [(nth == 0, operand) for _, operands in filters for nth, operand in enumerate(operands)]
        closed = -1
        for step in range(len(steps) + 1 + stage):
            while data.draw(st.booleans()):
                ctx.set(dut.activation, 7)
                await ctx.tick()
            if step < len(steps):
                ctx.set(dut.advance, 1)
                feed(ctx, dut, steps[step][1], weight_bits)
            if step >= stage:
                ended = step == len(steps) + stage
                between = ended or steps[step - stage][0]
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
    assert totals == expected(filters)


@settings(max_examples=40)
@given(st.integers(1, 8), st.data())
def test_in_lock_step_a_filter_starts_from_the_sum_above(weight_bits: int, data: st.DataObject) -> None:
    filters = data.draw(filters_of(weight_bits))
    dut = LockstepPE(ArrayConfig(rows=1, lanes=1, weight_bits=weight_bits))
    stage = weight_bits > 2
    totals: list[int] = []

    async def testbench(ctx: Any) -> None:
        steps = [(nth, above, operand) for above, operands in filters for nth, operand in enumerate(operands)]
        lasts = [nth + 1 == len(operands) for _, operands in filters for nth in range(len(operands))]
        for step in range(len(steps) + stage):
            while data.draw(st.booleans()):
                ctx.set(dut.activation, 7)
                await ctx.tick()
            ctx.set(dut.advance, 1)
            if step < len(steps):
                feed(ctx, dut, steps[step][2], weight_bits)
            if step >= stage:
                ctx.set(dut.first, steps[step - stage][0] == 0)
                ctx.set(dut.above, steps[step - stage][1])
            await ctx.tick()
            ctx.set(dut.advance, 0)
            if step >= stage and lasts[step - stage]:
                totals.append(ctx.get(dut.total))

    simulate(dut, testbench)
    assert totals == expected(filters)


def expected(filters: list[tuple[int, list[Operand]]]) -> list[int]:
    return [above + sum(pixel * level for pixel, level in operands) for above, operands in filters]
