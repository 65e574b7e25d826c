"""Every START gets one answer, and no layer runs on for ever."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rtl.axi.run_control import RunControl
from tests.support import simulate

INPUTS = ("start_command", "reset_command", "sending", "loading", "loaded")


@settings(max_examples=20)
@given(st.integers(0, 99), st.integers(0, 5))
def test_the_answers_to_start_and_the_watchdog(seed: int, log2_limit: int) -> None:
    limit = 1 << log2_limit
    dut, chooser = RunControl(), random.Random(seed)

    async def testbench(ctx: Any) -> None:
        busy, cycles, late = False, 0, False
        ctx.set(dut.watchdog, log2_limit)
        for _ in range(200):
            given = {name: chooser.random() < 0.3 for name in INPUTS}
            for name, value in {**given, "array_busy": busy, "cycles": cycles}.items():
                ctx.set(getattr(dut, name), value)
            expired = ctx.get(dut.expired)
            assert expired == late
            asked = given["start_command"] and not given["reset_command"]
            occupied = busy or given["sending"] or given["loading"] or expired
            start = asked and not occupied and given["loaded"]
            reset = given["reset_command"] or expired
            assert ctx.get(dut.start) == start
            assert ctx.get(dut.refused) == (asked and occupied)
            assert ctx.get(dut.not_loaded) == (asked and not occupied and not given["loaded"])
            assert ctx.get(dut.reset) == reset
            late = busy and cycles >= limit and not reset
            await ctx.tick()
            finished = chooser.random() < 0.1
            busy, cycles = (start, 0) if start or reset else (busy and not finished, cycles + busy)
            assert not busy or cycles <= limit + 1

    simulate(dut, testbench)
