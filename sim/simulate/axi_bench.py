"""The cocotb test bench of the accelerator: runs layers through its AXI ports. Runs inside the simulator."""

from __future__ import annotations

import os
import pickle
import time
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.utils import get_sim_time
from numpy.typing import NDArray

from sim.mapping.cycles import Chain, layer_cycles
from sim.mapping.pack import PackedLayer
from sim.simulate.axi_host import PERIOD_NS, AxiHost

__all__ = ["run_job"]


@cocotb.test()
async def run_job(dut: Any) -> None:
    """Run every layer of the pickled job and leave beats, cycles and counters for ``sim.simulate.runner``."""
    job = pickle.loads(Path(os.environ["CODESIGN_SIM_JOB"]).read_bytes())
    host = AxiHost(dut, job[0][0].config)
    await host.begin()
    answers = [await _run_layer(host, *entry) for entry in job]
    Path(os.environ["CODESIGN_SIM_ANSWER"]).write_bytes(pickle.dumps(answers))


async def _run_layer(host: AxiHost, packed: PackedLayer, activations: NDArray[np.uint8], stalls: Any) -> dict[str, Any]:
    started_s, started_ns = time.perf_counter(), get_sim_time("ns")
    host.stall(stalls.writes, stalls.results, stalls.seed)
    await host.command("CLEAR_COUNTERS")
    await host.load(packed.static_writes())
    beats, counters = [], []
    batch = packed.plan.layout.batch
    limit = 200 + 100 * layer_cycles(packed.plan, Chain.of(packed.config))
    await host.write("WATCHDOG", limit.bit_length())
    for first in range(0, len(activations), batch):
        await host.load(packed.activation_writes(activations[first : first + batch]))
        await host.command("START")
        beats.append(await host.take(limit))
        await host.event("DONE", limit)
        assert await host.read("STATUS") == 0, "not idle after the last result"
        counters.append(await host.counters())
    return {
        "beats": beats,
        "cycles": [each["CYCLES"] for each in counters],
        "counters": counters,
        "simulated_cycles": int((get_sim_time("ns") - started_ns) / PERIOD_NS),
        "seconds": time.perf_counter() - started_s,
    }
