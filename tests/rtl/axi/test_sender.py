"""Results leave in order, an activation a byte; a soft reset ends the packet that has begun."""

from __future__ import annotations

import random
from typing import Any

import pytest

from rtl.axi.sender import QUEUE_DEPTH, Sender, result_bytes
from rtl.config import ArrayConfig
from tests.support import simulate

CONFIG = ArrayConfig(rows=1, lanes=6, act_bits=5, requant_lanes=3)


def test_bytes_of_a_beat_are_a_power_of_two() -> None:
    sizes = {n: result_bytes(ArrayConfig(rows=1, lanes=n, requant_lanes=n)) for n in (1, 2, 3, 4, 5, 8, 9)}
    assert sizes == {1: 1, 2: 2, 3: 4, 4: 4, 5: 8, 8: 8, 9: 16}


@pytest.mark.parametrize("stalled", [0.0, 0.3, 0.9])
def test_results_leave_in_order_with_tlast_at_the_end(stalled: float) -> None:
    dut, chooser = Sender(CONFIG), random.Random(1)
    layers = [[[chooser.randrange(32) for _ in range(3)] for _ in range(n)] for n in (1, 40, 7)]
    beats = [(values, place == len(layer) - 1) for layer in layers for place, values in enumerate(layer)]
    got: list[tuple[int, bool]] = []

    async def give(ctx: Any) -> None:
        for values, last in beats:
            ctx.set(dut.results.valid, 1)
            ctx.set(dut.results.payload, {"values": values, "last": last})
            while not ctx.get(dut.results.ready):
                await ctx.tick()
            await ctx.tick()
        ctx.set(dut.results.valid, 0)

    async def take(ctx: Any) -> None:
        while len(got) < len(beats):
            ready = chooser.random() >= stalled
            ctx.set(dut.send.tready, ready)
            if ready and ctx.get(dut.send.tvalid):
                got.append((ctx.get(dut.send.tdata), bool(ctx.get(dut.send.tlast))))
                assert ctx.get(dut.taken)
                assert bool(ctx.get(dut.finished)) == got[-1][1]
            await ctx.tick()
        ctx.set(dut.send.tready, 0)
        await ctx.tick()
        assert not ctx.get(dut.pending)

    simulate(dut, give, take)
    assert got == [(sum(value << 8 * lane for lane, value in enumerate(values)), last) for values, last in beats]


@pytest.mark.parametrize(("taken", "ends_with"), [(0, [(1, False), (0, True)]), (2, [(3, False), (0, True)])])
def test_a_soft_reset_keeps_the_offered_beat_and_ends_the_packet(taken: int, ends_with: list[tuple[int, bool]]) -> None:
    dut = Sender(CONFIG)
    after: list[tuple[int, bool]] = []

    async def testbench(ctx: Any) -> None:
        ctx.set(dut.results.valid, 1)
        value, left = 1, taken
        for _ in range(QUEUE_DEPTH + 4):
            ctx.set(dut.results.payload, {"values": [value, 0, 0], "last": 0})
            takes = left > 0 and ctx.get(dut.send.tvalid)
            ctx.set(dut.send.tready, takes)
            left -= bool(takes)
            value += ctx.get(dut.results.ready)
            await ctx.tick()
        ctx.set(dut.results.valid, 0)
        ctx.set(dut.send.tready, 0)
        ctx.set(dut.abort, 1)
        await ctx.tick()
        ctx.set(dut.abort, 0)
        ctx.set(dut.send.tready, 1)
        for _ in range(6):
            if ctx.get(dut.send.tvalid):
                after.append((ctx.get(dut.send.tdata), bool(ctx.get(dut.send.tlast))))
                assert not (ctx.get(dut.finished))
            await ctx.tick()
        assert not ctx.get(dut.pending)

    simulate(dut, testbench)
    assert after == ends_with


def test_a_soft_reset_between_packets_sends_nothing() -> None:
    dut = Sender(CONFIG)

    async def testbench(ctx: Any) -> None:
        ctx.set(dut.abort, 1)
        await ctx.tick()
        ctx.set(dut.abort, 0)
        for _ in range(4):
            assert not ctx.get(dut.pending)
            assert not ctx.get(dut.send.tvalid)
            await ctx.tick()

    simulate(dut, testbench)
