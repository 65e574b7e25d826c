"""Components and whole arrays run in Amaranth's own simulator."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
from amaranth.lib.wiring import Component
from amaranth.sim import Simulator
from numpy.typing import NDArray

from rtl.array.pe_array import PEArray
from sim.mapping.pack import PackedLayer

Testbench = Callable[[Any], Coroutine[Any, Any, None]]


def simulate(
    dut: Component, *testbenches: Testbench, clocked: bool = True, background: Testbench | None = None
) -> None:
    """Run test benches on a component in Amaranth's simulator, to the end of all but ``background``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        simulator = Simulator(dut)
    if clocked:
        simulator.add_clock(1e-6)
    for testbench in testbenches:
        simulator.add_testbench(testbench)
    if background is not None:
        simulator.add_testbench(background, background=True)
    simulator.run()


def run_array(
    packed: PackedLayer, activations: NDArray[np.uint8], stalled: float = 0.0, seed: int = 0
) -> tuple[NDArray[np.int16], int]:
    """Load and run a layer on ``PEArray``; results stall in a random fraction of the cycles. Results and cycles."""
    dut = PEArray(packed.config)
    chooser = random.Random(seed)
    beats: list[list[int]] = []
    cycles = 0

    async def testbench(ctx: Any) -> None:
        nonlocal cycles
        ctx.set(dut.write.valid, 1)
        for write in [*packed.static_writes(), *packed.activation_writes(activations)]:
            ctx.set(dut.write.payload, write._asdict())
            await ctx.tick()
        ctx.set(dut.write.valid, 0)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        while ctx.get(dut.busy | dut.queued):
            ready = chooser.random() >= stalled
            ctx.set(dut.results.ready, ready)
            if ready and ctx.get(dut.results.valid):
                payload = ctx.get(dut.results.payload)
                beats.append([int(payload.values[lane]) for lane in range(packed.config.requant_lanes)])
                assert payload.last == (len(beats) == packed.result_beats)
            await ctx.tick()
        cycles = ctx.get(dut.cycles)

    simulate(dut, testbench)
    return packed.unpack_results(np.array(beats, np.uint16)), cycles
