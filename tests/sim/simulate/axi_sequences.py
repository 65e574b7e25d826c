"""A cocotb bench that sends packets which start layers themselves, as early as they are taken."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import cocotb

from sim.simulate.axi_host import AxiHost

COUNTERS = ("TOTAL_CYCLES", "BUSY_CYCLES", "RUNS", "LOAD_BEATS")


@cocotb.test()
async def run_job(dut: Any) -> None:
    """For each (configuration, writes, runs, stalls): one packet, and its results. Leaves beats and counters."""
    job = pickle.loads(Path(os.environ["CODESIGN_SIM_JOB"]).read_bytes())
    host = AxiHost(dut, job[0][0])
    await host.begin()
    answers = []
    for _, writes, runs, stalls in job:
        host.stall(stalls.writes, stalls.results, stalls.seed)
        await host.command("CLEAR_COUNTERS")
        host.send(writes)
        beats = [await host.take(200_000) for _ in range(runs)]
        counters = {name: await host.read(name) for name in COUNTERS}
        status = await host.read("IRQ_STATUS")
        await host.write("IRQ_STATUS", status)
        answers.append({"beats": beats, "counters": counters, "status": status})
    Path(os.environ["CODESIGN_SIM_ANSWER"]).write_bytes(pickle.dumps(answers))
