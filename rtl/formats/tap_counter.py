"""Counters over taps and channels: the position of a row that executes every weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amaranth.hdl import Elaboratable, Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out

from rtl.data_register import data_register
from rtl.widths import level_layout, row_registers, token_layout

if TYPE_CHECKING:
    from rtl.config import ArrayConfig

__all__ = ["TapCounter"]


class TapCounter(Component):
    """Levels in, tokens out; the position is the tap, the channel is a base address.

    Latency: one cycle. Throughput: one level a cycle.

    Members
    -------
    start, advance : In
    registers : In
        ``last_tap``, ``last_channel`` and ``plane`` of the row's layer registers.
    valid, level, ends_tile : In
    token, token_valid : Out
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "start": In(1),
                "advance": In(1),
                "registers": In(row_registers(config)),
                "valid": In(1),
                "level": In(level_layout(config)),
                "ends_tile": In(1),
                "token": Out(token_layout(config)),
                "token_valid": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Nested counters, then the token register."""
        m = Module()
        registers = self.registers
        token = data_register(m, self.token)
        tap = Signal.like(registers.last_tap, reset_less=True)
        channel = Signal.like(registers.last_channel, reset_less=True)
        base = Signal.like(registers.plane, reset_less=True)
        ends_tap, ends_channel = Signal(), Signal()
        m.d.comb += [ends_tap.eq(tap == registers.last_tap), ends_channel.eq(channel == registers.last_channel)]

        with m.If(self.start):
            m.d.sync += [tap.eq(0), channel.eq(0), base.eq(0)]
        with m.Elif(self.advance & self.valid):
            m.d.sync += tap.eq(Mux(ends_tap, 0, tap + 1))
            with m.If(ends_tap):
                m.d.sync += [
                    channel.eq(Mux(ends_channel, 0, channel + 1)),
                    base.eq(Mux(ends_channel, 0, base + registers.plane)),
                ]
        with m.If(self.advance):
            m.d.sync += [
                self.token_valid.eq(self.valid),
                token.position.eq(tap),
                token.base.eq(base),
                token.level.eq(self.level),
                token.first.eq((tap == 0) & (channel == 0)),
                token.ends_tile.eq(self.ends_tile),
            ]
        return m
