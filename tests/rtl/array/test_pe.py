"""A lane's multiplier and accumulator."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rtl.array.lockstep_pe import LockstepPE
from rtl.array.pe import PE
from rtl.config import MULTIPLIERS, ArrayConfig
from tests.levels import factor_for
from tests.support import simulate

Operand = tuple[int, int]

sums = st.integers(-(2**20), 2**20)


configs = st.builds(
    ArrayConfig,
    st.just(1),
    st.just(1),
    weight_bits=st.integers(1, 8),
    multipliers=st.sampled_from(MULTIPLIERS),
    chain_depth=st.integers(1, 3),
)
power_configs = st.builds(
    ArrayConfig,
    st.just(1),
    st.just(1),
    weight_bits=st.integers(1, 4),
    levels=st.just("powers"),
    multipliers=st.sampled_from(MULTIPLIERS),
    chain_depth=st.integers(1, 3),
)


@st.composite
def filters_of(draw: st.DrawFn, config: ArrayConfig) -> list[tuple[int, list[Operand]]]:
    """Sums from above, and a filter's activations and levels, 0 among them."""
    top = 1 << (config.weight_bits - 1)
    levels = st.integers(-top, top) | st.sampled_from([-top, top])
    if config.levels == "powers":
        levels = st.just(0) | st.builds(lambda sign, k: sign << k, st.sampled_from([-1, 1]), st.integers(0, top - 1))
    operands = st.lists(st.tuples(st.integers(0, 255), levels), min_size=1, max_size=6)
    return draw(st.lists(st.tuples(sums, operands), min_size=1, max_size=4))


def feed(ctx: Any, dut: Any, operand: Operand, config: ArrayConfig) -> None:
    ctx.set(dut.activation, operand[0])
    ctx.set(dut.factor, factor_for(operand[1], config))


@settings(max_examples=40)
@given(configs | power_configs, st.data())
def test_each_filter_gets_the_sum_from_above_whatever_the_stalls(config: ArrayConfig, data: st.DataObject) -> None:
    filters = data.draw(filters_of(config))
    dut = PE(config)
    stage, depth = config.weight_bits > 2, config.chain_depth
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
                feed(ctx, dut, steps[step][1], config)
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
@given(configs | power_configs, st.data())
def test_in_lock_step_a_filter_starts_from_the_sum_above(config: ArrayConfig, data: st.DataObject) -> None:
    filters = data.draw(filters_of(config))
    dut = LockstepPE(config)
    stage = config.weight_bits > 2
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
                feed(ctx, dut, steps[step][2], config)
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
