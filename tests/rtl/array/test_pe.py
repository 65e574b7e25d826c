"""A lane's multiplier and accumulator."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rtl.array.pe import PE
from rtl.config import ArrayConfig
from tests.support import simulate

CONFIG = ArrayConfig(rows=1, lanes=1)


@settings(max_examples=15)
@given(
    st.integers(-(2**20), 2**20),
    st.lists(st.tuples(st.integers(0, 255), st.integers(-128, 128)), min_size=1, max_size=12),
    st.data(),
)
def test_a_filter_sums_from_its_initial_value_whatever_the_stalls(
    initial: int, operands: list[tuple[int, int]], data: st.DataObject
) -> None:
    dut = PE(CONFIG)
    total = None

    async def testbench(ctx: Any) -> None:
        nonlocal total
        pending = None
        for step, (activation, level) in enumerate([*operands, (255, 127)]):
            while data.draw(st.booleans()):
                ctx.set(dut.activation, 7)
                await ctx.tick()
            ctx.set(dut.advance, 1)
            ctx.set(dut.activation, activation)
            ctx.set(dut.level, level)
            if pending is not None:
                ctx.set(dut.accumulate, 1)
                ctx.set(dut.first, pending == 0)
                ctx.set(dut.initial, initial)
                ctx.set(dut.capture, pending == len(operands) - 1)
            await ctx.tick()
            pending = step
            for port in (dut.advance, dut.accumulate, dut.capture):
                ctx.set(port, 0)
        total = ctx.get(dut.total)

    simulate(dut, testbench)
    assert total == initial + sum(activation * level for activation, level in operands)
