"""A host on the AXI ports, in cocotb: loads packets, writes and reads registers, takes results."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge, with_timeout
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiStreamBus, AxiStreamSink, AxiStreamSource
from numpy.typing import NDArray

from rtl.axi.registers import Register, register_table
from rtl.config import ArrayConfig
from sim.mapping.pack import Write
from sim.simulate.load_packets import beats_of_bytes, load_packet

__all__ = ["COUNTERS", "EVENTS", "PERIOD_NS", "AxiHost"]

PERIOD_NS = 10
EVENTS = 0b111111
"""Every event of IRQ_STATUS: an error ends a wait for another one at once."""

COUNTERS = ("CYCLES", "RESULT_WAIT", "RESULT_BEATS", "LOAD_BEATS", "LOAD_WAIT", "LOAD_BLOCKED")


class AxiHost:
    """Drives ``codesign_accelerator`` through cocotbext-axi, which knows nothing of how it is made."""

    def __init__(self, dut: Any, config: ArrayConfig) -> None:
        self.dut, self.config = dut, config
        self.registers: dict[str, Register] = register_table(config)
        for name in ("s_axi", "s_axis", "m_axis"):
            logging.getLogger(f"cocotb.{dut._name}.{name}").setLevel(logging.WARNING)
        clocking = (dut.aclk, dut.aresetn, False)
        self.lite = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), *clocking)
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), *clocking)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), *clocking)

    async def begin(self) -> None:
        """Clock and reset, then allow every interrupt."""
        Clock(self.dut.aclk, PERIOD_NS, "ns").start()
        await self.reset()

    async def reset(self) -> None:
        """Hold ``aresetn`` low for four cycles; what was under way on either side is forgotten."""
        self.dut.aresetn.value = 0
        self.source.clear()
        self.sink.clear()
        for _ in range(4):
            await FallingEdge(self.dut.aclk)
        self.dut.aresetn.value = 1
        await FallingEdge(self.dut.aclk)
        await self.write("IRQ_ENABLE", EVENTS)

    def stall(self, loads: float, results: float, seed: int) -> None:
        """Pause both streams in a random fraction of the cycles."""
        chooser = random.Random(seed)
        for stream, fraction in ((self.source, loads), (self.sink, results)):
            stream.clear_pause_generator()
            stream.pause = False
            if fraction:
                stream.set_pause_generator(_pauses(random.Random(chooser.random()), fraction))

    async def write(self, name: str, value: int) -> None:
        """Write a register; anything but OKAY is an error."""
        answer = await self.lite.write(self.registers[name].offset, value.to_bytes(4, "little"))
        assert int(answer.resp) == 0, f"write of {name}: {answer.resp}"

    async def read(self, name: str) -> int:
        """Read a register; anything but OKAY is an error."""
        answer = await self.lite.read(self.registers[name].offset, 4)
        assert int(answer.resp) == 0, f"read of {name}: {answer.resp}"
        return int.from_bytes(answer.data, "little")

    async def command(self, field: str) -> None:
        """Write one bit of CONTROL."""
        await self.write("CONTROL", self.registers["CONTROL"].field(field).mask)

    async def event(self, name: str, limit_cycles: int) -> None:
        """Wait for the interrupt, check that it is ``name`` and nothing else, and clear it."""
        if not int(self.dut.irq.value):
            await with_timeout(RisingEdge(self.dut.irq), PERIOD_NS * limit_cycles, "ns")
        status = await self.read("IRQ_STATUS")
        assert status == self.registers["IRQ_STATUS"].field(name).mask, f"IRQ_STATUS is {status:#x}, not {name}"
        await self.write("IRQ_STATUS", status)
        assert not int(self.dut.irq.value), "irq did not fall"

    def send(self, writes: Iterable[Write]) -> int:
        """Begin to send one load packet; its beats."""
        packet = load_packet(self.config, writes)
        self.source.send_nowait(packet.tobytes())
        return len(packet)

    async def load(self, writes: Iterable[Write]) -> int:
        """Send one packet and wait until it is written; its beats."""
        beats = self.send(writes)
        await self.event("LOADED", 1000 + 100 * beats)
        return beats

    async def take(self, limit_cycles: int) -> NDArray[np.uint16]:
        """The next packet of results as beats."""
        frame = await with_timeout(self.sink.recv(), PERIOD_NS * limit_cycles, "ns")
        return beats_of_bytes(self.config, bytes(frame.tdata))

    async def counters(self) -> dict[str, int]:
        """All counters."""
        return {name: await self.read(name) for name in COUNTERS}


def _pauses(chooser: random.Random, fraction: float) -> Iterator[bool]:
    while True:
        yield chooser.random() < fraction
