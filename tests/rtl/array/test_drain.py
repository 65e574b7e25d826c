"""The output path between sums that come when they come and a receiver that takes when it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compress.model.requantization import Requantization
from rtl.array.drain import DRAIN_LATENCY, Drain
from rtl.config import ArrayConfig
from sim.golden.golden import requantize
from tests.rtl.array.rows import Stalls, waits
from tests.support import simulate

Beat = tuple[list[int], int]
"""Activations, one of each block of neighbouring pixels, and whether the layer ends."""


@dataclass(frozen=True)
class Layer:
    """What the output path has to know of a layer."""

    config: ArrayConfig
    filters: int
    tiles: int
    requantization: Requantization
    relu: bool

    def sums(self, seed: int) -> list[list[int]]:
        """For each tile and filter a sum a lane, of the accumulator's whole range and around zero."""
        rng = np.random.default_rng(seed)
        top = 1 << (self.config.acc_bits - 1)
        shape = (self.tiles * self.filters, self.config.lanes)
        wide, narrow = rng.integers(-top, top, shape), rng.integers(-99, 99, shape)
        sums: list[list[int]] = np.where(rng.random(shape) < 0.5, wide, narrow).tolist()
        return sums

    def beats(self, sums: list[list[int]]) -> list[Beat]:
        """Tiles, in a tile filters, in a filter one pixel of each block of neighbours; the last one says so."""
        mask, width = (1 << self.config.act_bits) - 1, self.config.requant_lanes
        values = requantize(np.array(sums), self.requantization, self.config.act_bits, self.relu) & mask
        rows = values.reshape(len(sums), width, -1).swapaxes(1, 2).reshape(-1, width).tolist()
        return [(row, int(n == len(rows) - 1)) for n, row in enumerate(rows)]

    def registers(self) -> dict[str, int]:
        return {
            "last_filter": self.filters - 1,
            "last_tile": self.tiles - 1,
            "multiplier": self.requantization.multiplier,
            "shift": self.requantization.shift - 1,
            "relu": int(self.relu),
        }


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    """One pixel, one filter, one tile, and more of each."""
    lanes = draw(st.integers(1, 8))
    config = ArrayConfig(
        rows=1,
        lanes=lanes,
        act_bits=draw(st.integers(4, 8)),
        acc_bits=draw(st.sampled_from([12, 24, 32])),
        requant_lanes=draw(st.sampled_from([n for n in range(1, lanes + 1) if lanes % n == 0])),
    )
    scaling = Requantization(draw(st.integers(1, 511)), draw(st.integers(1, 32)))
    return Layer(config, draw(st.integers(1, 5)), draw(st.integers(1, 4)), scaling, draw(st.booleans()))


def drain(layer: Layer, sums: list[list[int]], above: Stalls, below: Stalls, runs: int = 1) -> list[dict[int, Beat]]:
    """The beats of each run, by the cycle after the start in which they were taken."""
    dut = Drain(layer.config)
    lanes, found = range(layer.config.requant_lanes), []

    async def testbench(ctx: Any) -> None:
        ctx.set(dut.registers, layer.registers())
        for _ in range(runs):
            found.append(await one_run(ctx))

    async def one_run(ctx: Any) -> dict[int, Beat]:
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        waiting, beats = list(sums), {}
        at = taken = idle = 0
        offered = None
        while idle < 60:
            offers = above.valid(taken) and bool(waiting)
            ctx.set(dut.sums.valid, offers)
            ctx.set(dut.sums.payload, waiting[0] if offers else [at % 9] * layer.config.lanes)
            ready = below.ready()
            ctx.set(dut.results.ready, ready)
            valid, payload = ctx.get(dut.results.valid), ctx.get(dut.results.payload)
            beat = ([int(payload.values[lane]) for lane in lanes], int(payload.last)) if valid else None
            assert offered is None or beat == offered, "what is offered stays"
            offered = None if ready else beat
            if beat and ready:
                beats[at] = beat
            taken = offers and ctx.get(dut.sums.ready)
            waiting = waiting[1:] if taken else waiting
            idle = 0 if waiting or valid else idle + 1
            await ctx.tick()
            at += 1
        return beats

    simulate(dut, testbench)
    return found


@settings(max_examples=25)
@given(layers(), st.integers(0, 999), waits, waits)
def test_every_sum_becomes_its_activations_in_order_whatever_waits(
    layer: Layer, seed: int, above: float, below: float
) -> None:
    sums = layer.sums(seed)
    for beats in drain(layer, sums, Stalls(above, seed), Stalls(below, seed + 1), runs=2):
        assert list(beats.values()) == layer.beats(sums)


@settings(max_examples=8)
@given(layers(), st.integers(0, 999))
def test_a_beat_leaves_every_cycle_after_the_latency_while_nobody_waits(layer: Layer, seed: int) -> None:
    sums = layer.sums(seed)
    (beats,) = drain(layer, sums, Stalls(0.0, 1), Stalls(0.0, 2))
    assert list(beats) == list(range(DRAIN_LATENCY, DRAIN_LATENCY + len(layer.beats(sums))))


def test_a_receiver_that_never_takes_holds_the_sums_back() -> None:
    layer = Layer(ArrayConfig(rows=1, lanes=2), 2, 40, Requantization(1, 1), relu=True)
    taken = 0
    dut = Drain(layer.config)

    async def testbench(ctx: Any) -> None:
        nonlocal taken
        ctx.set(dut.registers, layer.registers())
        ctx.set(dut.sums.valid, 1)
        for _ in range(80):
            taken += ctx.get(dut.sums.ready)
            await ctx.tick()

    simulate(dut, testbench)
    assert taken <= DRAIN_LATENCY


@pytest.mark.parametrize("wrong", ["sum", "order", "lost"])
def test_the_comparison_sees_a_wrong_sum_another_order_and_a_lost_one(wrong: str) -> None:
    layer = Layer(ArrayConfig(rows=1, lanes=2), 3, 2, Requantization(1, 1), relu=True)
    sums = [[2 * n, 2 * n + 100] for n in range(6)]
    other = {"sum": [*sums[:5], [10, 112]], "order": [sums[1], sums[0], *sums[2:]], "lost": sums[:5]}[wrong]
    (beats,) = drain(layer, other, Stalls(0.0, 1), Stalls(0.0, 2))
    assert list(beats.values()) != layer.beats(sums)
