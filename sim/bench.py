"""The cocotb test bench: drives the load port, starts the array, takes the results. Runs inside the simulator."""

from __future__ import annotations

import os
import pickle
import random
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge, with_timeout
from cocotb.utils import get_sim_time
from numpy.typing import NDArray

from rtl.config import ArrayConfig
from rtl.write_bus import write_bus_layout
from sim.cycles import layer_cycles
from sim.pack import PackedLayer, Write

__all__ = ["run_job"]

PERIOD_NS = 10


@cocotb.test()
async def run_job(dut: Any) -> None:
    """Run every layer of the pickled job and leave beats and cycle counts for ``sim.runner``.

    Inputs change and outputs are read at the falling edge, where both are stable.
    """
    job = pickle.loads(Path(os.environ["CODESIGN_SIM_JOB"]).read_bytes())
    Clock(dut.clk, PERIOD_NS, "ns").start()
    dut.rst.value = 1
    for port in (dut.write__valid, dut.write__payload, dut.start, dut.results__ready):
        port.value = 0
    for _ in range(2):
        await FallingEdge(dut.clk)
    dut.rst.value = 0
    answers = [await _run_layer(dut, *entry) for entry in job]
    Path(os.environ["CODESIGN_SIM_ANSWER"]).write_bytes(pickle.dumps(answers))


async def _run_layer(dut: Any, packed: PackedLayer, activations: NDArray[np.uint8], stalls: Any) -> dict[str, Any]:
    chooser = random.Random(stalls.seed)
    started_s, started_ns = time.perf_counter(), get_sim_time("ns")
    await _write(dut, packed.config, packed.static_writes(), stalls.writes, chooser)
    beats, cycles = [], []
    batch = packed.plan.layout.batch
    for first in range(0, len(activations), batch):
        writes = packed.activation_writes(activations[first : first + batch])
        await _write(dut, packed.config, writes, stalls.writes, chooser)
        beats.append(await _start_and_take(dut, packed, stalls.results, chooser))
        cycles.append(int(dut.cycles.value))
    elapsed = (get_sim_time("ns") - started_ns) / PERIOD_NS
    return {
        "beats": beats,
        "cycles": cycles,
        "simulated_cycles": int(elapsed),
        "seconds": time.perf_counter() - started_s,
    }


async def _write(
    dut: Any, config: ArrayConfig, writes: Iterable[Write], stalled: float, chooser: random.Random
) -> None:
    """One write a cycle, with random gaps."""
    offset = {name: field.offset for name, field in write_bus_layout(config)}
    for write in writes:
        while stalled and chooser.random() < stalled:
            dut.write__valid.value = 0
            await FallingEdge(dut.clk)
        dut.write__valid.value = 1
        dut.write__payload.value = (
            write.space << offset["space"]
            | write.row << offset["row"]
            | write.address << offset["address"]
            | write.data
        )
        await FallingEdge(dut.clk)
    dut.write__valid.value = 0


async def _start_and_take(dut: Any, packed: PackedLayer, stalled: float, chooser: random.Random) -> NDArray[np.uint16]:
    """Pulse start, take every beat, and check that ``last`` and ``busy`` agree with the count."""
    dut.start.value = 1
    await FallingEdge(dut.clk)
    dut.start.value = 0
    beats = await _take(dut, packed, stalled, chooser)
    await FallingEdge(dut.clk)
    assert not int(dut.busy.value), "busy after the last result"
    return beats


async def _take(dut: Any, packed: PackedLayer, stalled: float, chooser: random.Random) -> NDArray[np.uint16]:
    config = packed.config
    width, lanes, mask = config.act_bits, config.requant_lanes, (1 << config.act_bits) - 1
    beats = np.zeros((packed.result_beats, lanes), np.uint16)
    limit_ns = PERIOD_NS * (100 + 2 * layer_cycles(packed.plan, lanes))
    for beat in range(packed.result_beats):
        if not int(dut.results__valid.value):
            await with_timeout(RisingEdge(dut.results__valid), limit_ns, "ns")
            await FallingEdge(dut.clk)
        while stalled and chooser.random() < stalled:
            dut.results__ready.value = 0
            await FallingEdge(dut.clk)
        payload = int(dut.results__payload.value)
        beats[beat] = [payload >> (width * lane) & mask for lane in range(lanes)]
        is_last = payload >> (width * lanes) & 1
        assert is_last == (beat == packed.result_beats - 1), f"last is {is_last} at beat {beat}"
        dut.results__ready.value = 1
        await FallingEdge(dut.clk)
    dut.results__ready.value = 0
    return beats
