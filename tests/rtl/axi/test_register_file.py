"""Registers over AXI4-Lite: reads, strobes, refusals, pulses, and bits that ones clear."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module
from amaranth.lib.wiring import Component, In, connect, flipped

from rtl.axi.lite import LiteSlave
from rtl.axi.ports import Response, axi_lite
from rtl.axi.register_file import RegisterFile
from rtl.axi.registers import ADDRESS_BITS, Access, register_table
from rtl.config import ArrayConfig
from tests.rtl.axi.master import Master
from tests.support import simulate

TABLE = register_table(ArrayConfig(rows=2, lanes=4))


class Registers(Component):
    """The two blocks together, as in the shell."""

    def __init__(self) -> None:
        super().__init__({"bus": In(axi_lite(ADDRESS_BITS))})
        self.file = RegisterFile(TABLE)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.lite = lite = LiteSlave()
        m.submodules.file = file = self.file
        connect(m, flipped(self.bus), lite.bus)
        for name in ("write_en", "write_offset", "write_data", "write_strobe", "read_offset"):
            m.d.comb += getattr(file, name).eq(getattr(lite, name))
        for name in ("write_fails", "read_data", "read_fails"):
            m.d.comb += getattr(lite, name).eq(getattr(file, name))
        return m


def test_every_offset_is_answered_as_the_table_says() -> None:
    dut = Registers()
    known = {register.offset: register for register in TABLE.values()}

    async def testbench(ctx: Any) -> None:
        master = Master(ctx, dut.bus, seed=1)
        for offset in [*range(0, 0x80, 4), 0x400, 0xFFC]:
            register = known.get(offset)
            response, value = await master.read(offset)
            assert response == (Response.OKAY if register else Response.SLVERR)
            if register and register.access is Access.CONSTANT:
                assert value == register.value
            writable = register is not None and register.access.writable
            assert await master.write(offset, 0) == (Response.OKAY if writable else Response.SLVERR)

    simulate(dut, testbench)


def test_inputs_are_read_and_only_strobed_bytes_are_written() -> None:
    dut = Registers()
    enable, cycles = TABLE["IRQ_ENABLE"], TABLE["CYCLES"]

    async def testbench(ctx: Any) -> None:
        master = Master(ctx, dut.bus, seed=2)
        ctx.set(dut.file.cycles.value, 0x12345678)
        assert await master.read(cycles.offset) == (Response.OKAY, 0x12345678)
        await master.write(enable.offset, 0xFFFFFFFF, 0b1110)
        assert (await master.read(enable.offset))[1] == 0
        await master.write(enable.offset, 0xFFFFFFFF, 0b0001)
        assert (await master.read(enable.offset))[1] == 0b111111
        await master.write(enable.offset + 2, 0x00000005)
        assert (await master.read(enable.offset + 3))[1] == 0b0101

    simulate(dut, testbench)


def test_a_register_has_its_first_value_after_reset() -> None:
    dut = Registers()

    async def testbench(ctx: Any) -> None:
        master = Master(ctx, dut.bus)
        assert (await master.read(TABLE["WATCHDOG"].offset))[1] == 31
        assert (await master.read(TABLE["IRQ_ENABLE"].offset))[1] == 0

    simulate(dut, testbench)


def test_ones_clear_events_and_an_event_in_that_cycle_stays() -> None:
    dut = Registers()
    status = TABLE["IRQ_STATUS"]

    async def testbench(ctx: Any) -> None:
        master = Master(ctx, dut.bus, seed=3)
        ctx.set(dut.file.irq_status_set, {"done": 1, "loaded": 1})
        await ctx.tick()
        ctx.set(dut.file.irq_status_set, {"done": 0, "loaded": 0})
        assert (await master.read(status.offset))[1] == 0b0011
        await master.write(status.offset, 0b0001)
        assert (await master.read(status.offset))[1] == 0b0010
        ctx.set(dut.file.irq_status_set, {"loaded": 1})
        await master.write(status.offset, 0b1111)
        assert ctx.get(dut.file.irq_status.loaded)

    simulate(dut, testbench)


def test_a_command_is_one_cycle_long() -> None:
    dut = Registers()
    starts = 0

    async def testbench(ctx: Any) -> None:
        master = Master(ctx, dut.bus, seed=4)
        for _ in range(3):
            await master.write(TABLE["CONTROL"].offset, 0b001)
        assert (await master.read(TABLE["CONTROL"].offset))[1] == 0

    async def counter(ctx: Any) -> None:
        nonlocal starts
        async for _, _, start in ctx.tick().sample(dut.file.control.start):
            starts += start

    simulate(dut, testbench, background=counter)
    assert starts == 3
