"""The accelerator behind its ports: what was not loaded does not start, and what cannot end is stopped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtl.array.register_values import register_values
from rtl.array.write_bus import LayerRegister, Space
from rtl.axi.packets import header
from rtl.axi.ports import Response
from rtl.axi.registers import register_table
from rtl.axi.shell import Shell
from rtl.config import ArrayConfig
from rtl.formats.index_format import IndexFormat
from rtl.formats.registry import FORMATS, parse_index
from sim.mapping.cycles import Chain, layer_cycles
from sim.mapping.pack import PackedLayer, Write, pack
from sim.simulate.load_packets import beats_of_bytes, load_packet
from tests.drawn import draw_activations, draw_levels, make_layer
from tests.rtl.axi.master import Master
from tests.support import simulate

WATCHDOG = 8
LIMIT = 1 << WATCHDOG
"""Cycles, more than the layer takes."""


def packed_layer(index: IndexFormat) -> PackedLayer:
    config = ArrayConfig(
        rows=2, lanes=2, index=index, weight_depth=32, activation_depth=32, table_depth=16, bias_depth=4
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

    async def load(self, writes: Iterable[Write]) -> set[str]:
        packet = load_packet(self.dut.config, writes)
        await self.send(int.from_bytes(beat.tobytes(), "little") for beat in packet)
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
        async for _, _, valid, data in ctx.tick().sample(dut.send.tvalid, dut.send.tdata):
            if valid:
                taken.append(data)

    simulate(dut, testbench, background=sink)
    return taken


def everything(packed: PackedLayer) -> list[Write]:
    activations = draw_activations(packed.layer, 1, 0)
    return [*packed.static_writes(), *packed.activation_writes(activations)]


PACKED = packed_layer(parse_index("fixed4"))


@pytest.mark.parametrize("space", [space for space in Space if space is not Space.COMMAND])
def test_start_is_refused_until_every_part_is_loaded(space: Space) -> None:
    writes = everything(PACKED)

    async def scenario(host: Host) -> None:
        assert await host.run() == {"NOT_LOADED"}
        assert await host.load(write for write in writes if write.space is not space) == {"LOADED"}
        assert await host.run() == {"NOT_LOADED"}
        assert await host.read("CYCLES") == 0
        assert await host.load(write for write in writes if write.space is space) == {"LOADED"}
        assert await host.run() == {"DONE"}
        assert await host.run() == {"DONE"}  # the same layer again

    with_host(PACKED, scenario)


def test_activations_alone_do_not_start_after_a_soft_reset() -> None:
    activations = list(PACKED.activation_writes(draw_activations(PACKED.layer, 1, 0)))

    async def scenario(host: Host) -> None:
        await host.load(everything(PACKED))
        await host.command("SOFT_RESET")
        assert await host.load(activations) == {"LOADED"}
        assert await host.run() == {"NOT_LOADED"}
        assert await host.load(PACKED.static_writes()) == {"LOADED"}
        assert await host.run() == {"DONE"}

    with_host(PACKED, scenario)


def test_a_layer_within_its_limit_runs_and_half_the_limit_stops_it() -> None:
    cycles = layer_cycles(PACKED.plan, Chain.of(PACKED.config))
    enough = (cycles - 1).bit_length()

    async def scenario(host: Host) -> None:
        await host.load(everything(PACKED))
        await host.write("WATCHDOG", enough)
        assert await host.run() == {"DONE"}
        assert await host.read("CYCLES") == cycles
        await host.write("WATCHDOG", enough - 1)
        assert await host.run() == {"TIMEOUT"}
        assert await host.run() == {"NOT_LOADED"}

    with_host(PACKED, scenario)


def test_an_illegal_register_is_an_error_and_keeps_its_value() -> None:
    async def scenario(host: Host) -> None:
        await host.load(everything(PACKED))
        await host.send([header(Space.LAYER, 0, LayerRegister.LAST_FILTER, 1), 1 << 20])
        assert await host.events() == {"LOAD_ERROR"}
        assert await host.run() == {"DONE"}
        assert await host.read("CYCLES") == layer_cycles(PACKED.plan, Chain.of(PACKED.config))

    with_host(PACKED, scenario)


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=3)
@given(data=st.data())
def test_a_layer_with_wrong_counts_ends_or_is_stopped_and_after_a_reset_the_next_one_is_right(
    kind: type[IndexFormat], data: st.DataObject
) -> None:
    packed = packed_layer(kind())
    values = {space: list(registers.values()) for space, registers in register_values(packed.config).items()}
    writes = everything(packed)
    places = [n for n, write in enumerate(writes) if write.space in values]
    wrong = list(writes)
    for n in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=3)):
        legal = values[wrong[n].space][wrong[n].address]
        wrong[n] = wrong[n]._replace(data=data.draw(st.sampled_from(legal)))
    watched = data.draw(st.booleans())

    async def scenario(host: Host) -> None:
        assert await host.load(wrong) == {"LOADED"}
        if watched:
            await host.write("WATCHDOG", WATCHDOG)
            assert await host.run() in ({"DONE"}, {"TIMEOUT"})
            assert await host.read("CYCLES") <= LIMIT
        else:
            await host.command("START")
            await host.ctx.tick().repeat(LIMIT)
        await host.command("SOFT_RESET")  # also after DONE: sums may be left between the rows
        await host.ctx.tick().repeat(4)
        assert await host.read("STATUS") == 0
        await host.events()
        assert await host.load(writes) == {"LOADED"}
        assert await host.run() == {"DONE"}
        assert await host.read("CYCLES") == layer_cycles(packed.plan, Chain.of(packed.config))

    taken = with_host(packed, scenario)
    beats = beats_of_bytes(packed.config, bytes(taken[-packed.result_beats :]))
    answer = packed.answer(draw_activations(packed.layer, 1, 0))
    np.testing.assert_array_equal(packed.unpack_results(beats), answer)
