"""A cocotb bench of what a driver may do wrong: each is told by its event, and a whole run follows."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import cocotb

from rtl.array.write_bus import LayerRegister, Space
from sim.mapping.pack import Write
from sim.simulate.axi_host import AxiHost

WATCHDOG = 12
LIMIT = 1 << WATCHDOG


@cocotb.test()
async def run_job(dut: Any) -> None:
    """For each (layer, inputs): mistakes, then a whole run. Leaves beats and counters."""
    job = pickle.loads(Path(os.environ["CODESIGN_SIM_JOB"]).read_bytes())
    host = AxiHost(dut, job[0][0].config)
    await host.begin()
    answers = []
    for packed, activations in job:
        static, moving = list(packed.static_writes()), list(packed.activation_writes(activations))
        await _refused(host, "NOT_LOADED")
        await host.load(moving)
        await _refused(host, "NOT_LOADED")
        for wrong in (
            Write(Space.BIAS, 1, 0, 0),
            Write(Space.LAYER, 0, LayerRegister.LAST_FILTER, host.config.bias_depth),
            Write(Space.ROW, 1, 0, host.config.weight_depth),
        ):
            host.send([wrong])
            await host.event("LOAD_ERROR", LIMIT)
        await host.load(static)
        await _stopped(host)
        await _refused(host, "NOT_LOADED")
        await host.load([*static, *moving])
        await host.command("START")
        beats = await host.take(LIMIT)
        await host.event("DONE", LIMIT)
        answers.append({"beats": [beats], "counters": await host.counters()})
        await host.command("SOFT_RESET")
    Path(os.environ["CODESIGN_SIM_ANSWER"]).write_bytes(pickle.dumps(answers))


async def _refused(host: AxiHost, event: str) -> None:
    """START does nothing but raise ``event``."""
    await host.command("START")
    await host.event(event, LIMIT)
    assert await host.read("STATUS") == 0


async def _stopped(host: AxiHost) -> None:
    """A layer of too many tiles is stopped, and what was begun ends with TLAST."""
    await host.load([Write(Space.LAYER, 0, LayerRegister.LAST_TILE, host.config.activation_depth - 1)])
    await host.write("WATCHDOG", WATCHDOG)
    await host.command("START")
    await host.event("TIMEOUT", 2 * LIMIT)
    aborted = await host.sink.recv()
    assert bytes(aborted.tdata)[-1] == 0
    assert await host.read("STATUS") == 0
    assert await host.read("CYCLES") == 0
