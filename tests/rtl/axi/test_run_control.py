"""Every START gets one answer, and no layer runs on for ever."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rtl.axi.run_control import RunControl
from tests.support import simulate

INPUTS = ("start_command", "reset_command", "stream_start", "stream_barred", "sending", "loading", "loaded")


@settings(max_examples=30)
@given(st.booleans(), st.integers(0, 99), st.integers(0, 5))
def test_the_answers_to_start_and_the_watchdog(queues: bool, seed: int, log2_limit: int) -> None:
    limit = 1 << log2_limit
    dut, chooser = RunControl(queues), random.Random(seed)

    async def testbench(ctx: Any) -> None:
        busy, kept, cycles, late = False, False, 0, False
        ctx.set(dut.watchdog, log2_limit)
        for _ in range(200):
            given = {name: chooser.random() < 0.3 for name in INPUTS}
            given["loading"] |= given["stream_start"]
            for name, value in {**given, "array_busy": busy, "array_queued": kept, "cycles": cycles}.items():
                ctx.set(getattr(dut, name), value)
            full = kept if queues else busy or kept
            reset = given["reset_command"] or late
            asked = given["start_command"] and not given["reset_command"]
            occupied = full or given["loading"] or late or (given["sending"] and not queues)
            streamed = given["stream_start"] and not full and not reset
            accepted = (asked and not occupied) or (streamed and not given["stream_barred"])
            assert ctx.get(dut.expired) == late
            assert ctx.get(dut.stream_ready) == (not full)
            assert ctx.get(dut.start) == (accepted and given["loaded"])
            assert ctx.get(dut.refused) == ((asked and occupied) or (streamed and given["stream_barred"]))
            assert ctx.get(dut.not_loaded) == (accepted and not given["loaded"])
            assert ctx.get(dut.reset) == reset
            started = bool(ctx.get(dut.start))
            late = busy and cycles >= limit and not reset
            await ctx.tick()
            launched = kept and not busy
            kept = (started or (kept and not launched)) and not reset
            busy, cycles = (launched, 0) if launched or reset else (busy and chooser.random() < 0.9, cycles + busy)
            busy = busy and not reset
            assert not busy or cycles <= limit + 1

    simulate(dut, testbench)
