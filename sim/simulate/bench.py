"""The cocotb test bench of the array: passes the job to ``bank_host.v``, waits, and reads the array's answers."""

from __future__ import annotations

import os
import pickle
import time
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ValueChange
from cocotb.utils import get_sim_time

from sim.simulate.host import read_answers, write_entry

__all__ = ["run_job"]

PERIOD_NS = 10


@cocotb.test()
async def run_job(dut: Any) -> None:
    """Run every layer of the pickled job and leave beats and cycle counts for ``sim.simulate.runner``.

    Python wakes once per layer: Verilog handles single writes and results.
    """
    job = pickle.loads(Path(os.environ["CODESIGN_SIM_JOB"]).read_bytes())
    seconds = _tell(job)
    Clock(dut.clk, PERIOD_NS, "ns").start()
    dut.rst.value = 1
    for _ in range(2):
        await FallingEdge(dut.clk)
    dut.rst.value = 0
    simulated = [await _one_entry(dut) for _ in job]
    while not int(dut.finished.value):
        await ValueChange(dut.finished)
    with Path(str(cocotb.plusargs["answers"])).open(encoding="ascii") as lines:
        answers = []
        for (packed, activations, _), told, (cycles, waited) in zip(job, seconds, simulated, strict=True):
            start = time.perf_counter()
            beats, counts = read_answers(lines, packed, len(activations) // packed.plan.layout.batch)
            spent = told + waited + time.perf_counter() - start
            answers.append({"beats": beats, "cycles": counts, "simulated_cycles": cycles, "seconds": spent})
    Path(os.environ["CODESIGN_SIM_ANSWER"]).write_bytes(pickle.dumps(answers))


def _tell(job: list[Any]) -> list[float]:
    """Write the commands, and how long that took for each entry."""
    seconds = []
    with Path(str(cocotb.plusargs["commands"])).open("w", encoding="ascii") as file:
        for entry in job:
            start = time.perf_counter()
            write_entry(file, *entry)
            seconds.append(time.perf_counter() - start)
    return seconds


async def _one_entry(dut: Any) -> tuple[int, float]:
    """Simulated cycles and wall time until the host counts one more entry."""
    started_s, started_ns = time.perf_counter(), get_sim_time("ns")
    await ValueChange(dut.progress)
    assert not int(dut.stuck.value), "no result for as long as the whole layer takes"
    return int((get_sim_time("ns") - started_ns) / PERIOD_NS), time.perf_counter() - started_s
