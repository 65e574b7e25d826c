"""A cocotb bench that stops layers in the middle, by either reset, and then runs one to its end."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import FallingEdge

from sim.simulate.axi_host import EVENTS, AxiHost

QUIET_CYCLES = 40


@cocotb.test()
async def run_job(dut: Any) -> None:
    """For each (layer, inputs, moments): begin, wait, reset; at last a whole run. Leaves beats and counters."""
    job = pickle.loads(Path(os.environ["CODESIGN_SIM_JOB"]).read_bytes())
    host = AxiHost(dut, job[0][0].config)
    await host.begin()
    answers = []
    for packed, activations, moments in job:
        for kind, wait in moments:
            await _interrupted(host, packed, activations, kind, wait)
        await host.load([*packed.static_writes(), *packed.activation_writes(activations)])
        await host.command("START")
        beats = await host.take(100_000)
        await host.event("DONE", 1000)
        assert host.sink.empty(), "results of an aborted layer came late"
        answers.append({"beats": [beats], "counters": await host.counters()})
    Path(os.environ["CODESIGN_SIM_ANSWER"]).write_bytes(pickle.dumps(answers))


async def _interrupted(host: AxiHost, packed: Any, activations: Any, kind: str, wait: int) -> None:
    """Stop ``wait`` cycles into a load, or into a run; then see that nothing is left behind."""
    where, reset = kind.split()
    writes = [*packed.static_writes(), *packed.activation_writes(activations)]
    if where == "load":
        host.send(writes)
    else:
        await host.load(writes)
        await host.command("START")
    for _ in range(wait):
        await FallingEdge(host.dut.aclk)
    if reset == "hard":
        await host.reset()
    else:
        await host.command("SOFT_RESET")
        await _settle(host)
    assert await host.read("STATUS") == 0
    assert await host.read("CYCLES") == 0
    await host.write("IRQ_STATUS", EVENTS)


async def _settle(host: AxiHost) -> None:
    """After a soft reset the rest of a load is dropped, and begun results end with TLAST."""
    quiet = 0
    while quiet < QUIET_CYCLES:
        quiet = 0 if await host.read("STATUS") or not host.source.idle() else quiet + 1
    if not host.sink.empty():
        aborted = host.sink.recv_nowait()
        assert bytes(aborted.tdata)[-1] == 0
    assert host.sink.empty(), "one packet at most"
    assert not host.sink.active, "a packet was left open"
