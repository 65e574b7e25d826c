"""AXI4-Lite handshakes in front of registers."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out

from rtl.axi.ports import Response, axi_lite
from rtl.axi.registers import ADDRESS_BITS

__all__ = ["LiteSlave"]


class LiteSlave(Component):
    """Turns AXI4-Lite transfers into one write or read a cycle; reads and writes do not wait for each other.

    Address and data of a write may come in any order. Nothing goes from an input to an output within a cycle.
    Throughput: a write or a read every two cycles.

    Members
    -------
    bus : In
    write_en, write_offset, write_data, write_strobe : Out
        One write, in one cycle; the low two address bits are ignored.
    write_fails : In
        In the same cycle: answer SLVERR.
    read_offset : Out
    read_data, read_fails : In
        In the same cycle: the answer. Reading changes nothing.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "bus": In(axi_lite(ADDRESS_BITS)),
                "write_en": Out(1),
                "write_offset": Out(ADDRESS_BITS),
                "write_data": Out(32),
                "write_strobe": Out(4),
                "write_fails": In(1),
                "read_offset": Out(ADDRESS_BITS),
                "read_data": In(32),
                "read_fails": In(1),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Writes, then reads."""
        m = Module()
        self._writes(m)
        self._reads(m)
        return m

    def _writes(self, m: Module) -> None:
        """Hold address and data until both are there and the last answer is gone."""
        bus = self.bus
        has_address, has_data = Signal(), Signal()
        m.d.comb += [
            bus.awready.eq(~has_address),
            bus.wready.eq(~has_data),
            self.write_en.eq(has_address & has_data & ~bus.bvalid),
        ]
        with m.If(bus.awvalid & bus.awready):
            m.d.sync += [has_address.eq(1), self.write_offset.eq(bus.awaddr & ~0b11)]
        with m.If(bus.wvalid & bus.wready):
            m.d.sync += [has_data.eq(1), self.write_data.eq(bus.wdata), self.write_strobe.eq(bus.wstrb)]
        with m.If(self.write_en):
            m.d.sync += [
                has_address.eq(0),
                has_data.eq(0),
                bus.bvalid.eq(1),
                bus.bresp.eq(Mux(self.write_fails, Response.SLVERR, Response.OKAY)),
            ]
        with m.Elif(bus.bready):
            m.d.sync += bus.bvalid.eq(0)

    def _reads(self, m: Module) -> None:
        """Hold the address for a cycle, then the answer until it is taken."""
        bus = self.bus
        has_address = Signal()
        m.d.comb += bus.arready.eq(~has_address & ~bus.rvalid)
        with m.If(bus.arvalid & bus.arready):
            m.d.sync += [has_address.eq(1), self.read_offset.eq(bus.araddr & ~0b11)]
        with m.If(has_address):
            m.d.sync += [
                has_address.eq(0),
                bus.rvalid.eq(1),
                bus.rdata.eq(self.read_data),
                bus.rresp.eq(Mux(self.read_fails, Response.SLVERR, Response.OKAY)),
            ]
        with m.Elif(bus.rready):
            m.d.sync += bus.rvalid.eq(0)
