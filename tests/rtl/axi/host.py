"""A small layer, and a host for the accelerator in Amaranth's simulator."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rtl.axi.ports import Response
from rtl.axi.registers import register_table
from rtl.axi.shell import Shell
from rtl.config import ArrayConfig
from rtl.formats.index_format import IndexFormat
from sim.mapping.pack import PackedLayer, Write, pack
from sim.simulate.load_packets import load_packet
from tests.drawn import draw_activations, draw_levels, make_layer
from tests.rtl.axi.master import Master
from tests.support import simulate

WATCHDOG = 8
LIMIT = 1 << WATCHDOG
"""Cycles, more than the layer takes."""


def packed_layer(index: IndexFormat, buffers: int = 1) -> PackedLayer:
    config = ArrayConfig(
        rows=2,
        lanes=2,
        index=index,
        weight_depth=32,
        activation_depth=32,
        table_depth=16,
        bias_depth=4,
        buffers=buffers,
    )
    kept = 0.5 if str(index) in ("fixed4", "bitmap8", "rice7", "decompress", "dense0") else 1.0
    levels = draw_levels((3, 2, 1, 2), 4, kept, 3)
    if str(index) == "nm2of4":
        levels[:, :, 0, 0] = 1
    return pack(make_layer(levels, 4, 2, 4), config)


class Host:
    """Registers, packets and results of a shell in Amaranth's simulator; results are always taken."""

    def __init__(self, ctx: Any, dut: Shell) -> None:
        self.ctx, self.dut, self.table = ctx, dut, register_table(dut.config)
        self.lite = Master(ctx, dut.registers)

    async def write(self, name: str, value: int) -> None:
        assert await self.lite.write(self.table[name].offset, value) is Response.OKAY

    async def read(self, name: str) -> int:
        return (await self.lite.read(self.table[name].offset))[1]

    async def command(self, field: str) -> None:
        await self.write("CONTROL", self.table["CONTROL"].field(field).mask)

    async def events(self) -> set[str]:
        """Names of the events that are set; clears them."""
        status = await self.read("IRQ_STATUS")
        await self.write("IRQ_STATUS", status)
        return {field.name for field in self.table["IRQ_STATUS"].fields if status & field.mask}

    async def send(self, packet: Iterable[int]) -> None:
        load, beats = self.dut.load, list(packet)
        for place, beat in enumerate(beats):
            self.ctx.set(load.tdata, beat)
            self.ctx.set(load.tlast, place == len(beats) - 1)
            self.ctx.set(load.tvalid, 1)
            while not self.ctx.get(load.tready):
                await self.ctx.tick()
            await self.ctx.tick()
            self.ctx.set(load.tvalid, 0)
        while await self.read("STATUS") & self.table["STATUS"].field("LOADING").mask:
            pass

    async def send_packet(self, writes: Iterable[Write]) -> None:
        packet = load_packet(self.dut.config, writes)
        await self.send(int.from_bytes(beat.tobytes(), "little") for beat in packet)

    async def load(self, writes: Iterable[Write]) -> set[str]:
        await self.send_packet(writes)
        return await self.events()

    async def run(self) -> set[str]:
        """START, and the events when STATUS is 0 again."""
        await self.command("START")
        for _ in range(LIMIT):
            if await self.read("STATUS") == 0:
                return await self.events()
        raise AssertionError("busy for ever")


def with_host(packed: PackedLayer, scenario: Any) -> bytearray:
    """Run ``scenario(host)``; the bytes of all results."""
    dut, taken = Shell(packed.config), bytearray()

    async def testbench(ctx: Any) -> None:
        ctx.set(dut.send.tready, 1)
        await scenario(Host(ctx, dut))

    async def sink(ctx: Any) -> None:
        send = dut.send
        async for _, _, valid, ready, data in ctx.tick().sample(send.tvalid, send.tready, send.tdata):
            if valid and ready:
                taken.append(data)

    simulate(dut, testbench, background=sink)
    return taken


def everything(packed: PackedLayer, seed: int = 0) -> list[Write]:
    activations = draw_activations(packed.layer, 1, seed)
    return [*packed.static_writes(), *packed.activation_writes(activations)]
