"""The one control of rows in lock-step: taps, weight words, filters, tiles, and when all of them wait."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from rtl.array.aligner import places_behind
from rtl.array.buffers import loaded_registers
from rtl.array.place_register import place_layout
from rtl.config import ArrayConfig
from rtl.data_register import data_register
from rtl.widths import COUNT_BITS, address_bits, product_stage, row_registers, shift_bits, table_layout

__all__ = ["LOCKSTEP_FILL", "LockstepControl"]

LOCKSTEP_FILL = 5
"""Cycles before the first token can be accumulated: table, word, bank, align, multiply.

One less without a ``product_stage``, one more with two ``aligner_stages``.
"""


class LockstepControl(Component):
    """Count tokens for all rows at once. A slot is the time of one filter, in which row r works on filter slot - r.

    Six stages move together on ``advance``: table, word, bank, align, multiply, accumulate; without a ``product_stage``
    the last two are one, and with two ``aligner_stages`` align is two. Weights are read in the bank stage, so that no
    level waits for its pixels for long. In the cycle after its last token the last row's sum of a filter is ``closed``;
    everything waits until it is taken.

    Members
    -------
    register_en, register_index, register_data : In
        Write one member of ``row_registers``.
    start, running, last_tile : In
        Begin a layer; a layer runs: banks are read only then; tiles of the layer minus one.
    turn : In
        Take over the registers that were loaded (``rtl.array.buffers``).
    advance : Out
    table_en, table_address, table_word : bank ports
    read : Out
        Read weights and activations in this cycle.
    weight_address, word, behind : Out
        In the bank stage: of every row's weight bank; activation word relative to the tile; ``places_behind``.
    shift : Out
        In the stage after.
    first, bias_ready : Out
        In the accumulate stage: a filter's first token; row 0 takes a bias.
    next_slot, place : Out
        In the bank stage: the last token of a filter; row 0's place.
    last_working : In
        Whether the last row has work in this slot.
    closed_valid, closed_ready :
        The last row's accumulators are the sums of a filter; they are taken.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        activation_address = address_bits(config.activation_depth)
        super().__init__(
            {
                "register_en": In(1),
                "register_index": In(3),
                "register_data": In(32),
                "start": In(1),
                "running": In(1),
                "turn": In(1),
                "last_tile": In(COUNT_BITS),
                "advance": Out(1),
                "table_en": Out(1),
                "table_address": Out(address_bits(config.table_depth)),
                "table_word": In(table_layout(config)),
                "read": Out(1),
                "weight_address": Out(address_bits(config.weight_depth)),
                "word": Out(activation_address),
                "behind": Out(config.lanes - 1),
                "shift": Out(shift_bits(config)),
                "first": Out(1),
                "bias_ready": Out(1),
                "next_slot": Out(1),
                "place": Out(place_layout(config)),
                "last_working": In(1),
                "closed_valid": Out(1),
                "closed_ready": In(1),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """The stages in order."""
        m = Module()
        token = data.StructLayout({"valid": 1, "last": 1, "closes": 1})
        table, word, bank, align, accumulate = (
            Signal(token, name=name) for name in ("table", "word", "bank", "align", "accumulate")
        )
        choose = align
        if self._config.aligner_stages == 2:
            choose = Signal(token, name="choose")
            with m.If(self.advance):
                m.d.sync += align.eq(choose)
        multiply = align
        if product_stage(self._config.weight_bits):
            multiply = Signal(token, name="multiply")
            with m.If(self.advance):
                m.d.sync += multiply.eq(align)
        done, has_worked = Signal(), Signal()
        m.d.comb += [
            self.advance.eq(~self.closed_valid | self.closed_ready),
            done.eq(has_worked & ~self.last_working),
            bank.closes.eq(bank.last & self.last_working),
        ]
        registers = loaded_registers(
            m,
            self._config,
            row_registers(self._config),
            self.register_en,
            self.register_index,
            self.register_data,
            self.turn,
        )
        self._taps(m, registers, table, done)
        self._places(m, registers, bank, done)
        with m.If(self.advance):
            for late, early in ((word, table), (bank, word), (choose, bank)):
                m.d.sync += [late.valid.eq(early.valid & ~done), late.last.eq(early.last)]
            m.d.sync += [
                choose.closes.eq(bank.valid & ~done & bank.closes),
                accumulate.eq(multiply),
                self.closed_valid.eq(accumulate.closes),
            ]
        with m.If(self.start):
            m.d.sync += has_worked.eq(0)
        with m.Elif(self.next_slot):
            m.d.sync += has_worked.eq(self.last_working)
        m.d.comb += self.bias_ready.eq(self.advance & accumulate.valid & self.first)
        with m.If(self.start):
            m.d.sync += self.first.eq(1)
        with m.Elif(self.advance & accumulate.valid):
            m.d.sync += self.first.eq(accumulate.last)
        return m

    def _taps(self, m: Module, registers: data.View, token: data.View, done: Signal) -> None:
        """Count taps and channels from start to end without regard to filters; look the tap's word up."""
        tap, word, behind, shift = (
            data_register(m, port) for port in (self.table_address, self.word, self.behind, self.shift)
        )
        channel = Signal.like(registers.last_channel, reset_less=True)
        base = Signal.like(registers.plane, reset_less=True)
        base_of_word, shift_of_bank = Signal.like(base), Signal.like(shift)
        ends_tap, ends_channel = Signal(), Signal()
        m.d.comb += [
            ends_tap.eq(tap == registers.last_tap),
            ends_channel.eq(channel == registers.last_channel),
            token.last.eq(ends_tap & ends_channel),
            self.table_en.eq(self.advance & token.valid & self.running),
        ]
        with m.If(self.start):
            m.d.sync += [token.valid.eq(1), tap.eq(0), channel.eq(0), base.eq(0)]
        with m.Elif(self.advance):
            m.d.sync += [token.valid.eq(token.valid & ~done), tap.eq(Mux(ends_tap, 0, tap + 1))]
            with m.If(ends_tap):
                m.d.sync += [
                    channel.eq(Mux(ends_channel, 0, channel + 1)),
                    base.eq(Mux(ends_channel, 0, base + registers.plane)),
                ]
        with m.If(self.advance):
            m.d.sync += [
                base_of_word.eq(base),
                word.eq(self.table_word.word + base_of_word),
                shift_of_bank.eq(self.table_word.shift),
                behind.eq(places_behind(self.table_word.shift, self._config.lanes)),
                shift.eq(shift_of_bank),
            ]

    def _places(self, m: Module, registers: data.View, token: data.View, done: Signal) -> None:
        """Read the weight banks from first to last word once per tile; the last tile's end is row 0's end of work."""
        ends_pass, place, address = Signal(), self.place, data_register(m, self.weight_address)
        m.d.comb += [
            self.read.eq(self.advance & token.valid & ~done & self.running),
            self.next_slot.eq(self.read & token.last),
            ends_pass.eq(address == registers.last_word),
        ]
        with m.If(self.start):
            m.d.sync += [address.eq(0), place.tile.eq(0), place.working.eq(1)]
        with m.Elif(self.read):
            m.d.sync += address.eq(address + 1)
            with m.If(ends_pass):
                m.d.sync += [address.eq(0), place.tile.eq(place.tile + 1)]
                with m.If(place.tile == self.last_tile):
                    m.d.sync += place.working.eq(0)
