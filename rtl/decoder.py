"""Index decoders: weight bank words in, one level and its position a cycle out."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import Component, In, Out

from rtl.config import ArrayConfig, Dense, Fixed
from rtl.widths import position_bits, row_registers, token_layout

__all__ = ["Decoder", "DenseDecoder", "FixedDecoder", "make_decoder"]


def _level(code: Value) -> Value:
    """Levels skip zero: a negative code is its level, any other is one less than its level (003 section 3.4.2)."""
    return code.as_signed() + ~code[-1:]


class Decoder(Component):
    """The interface all index decoders share.

    A word enters each cycle that ``advance`` is high; its token leaves one cycle later. ``start`` resets to the
    first word of a pass. Latency: one cycle. Throughput: one token a cycle, no bubbles.

    Members
    -------
    word, word_valid, word_ends_tile : In
        What the weight bank returned, and whether it is the last word of a pass.
    registers : In
        The row's layer registers.
    token, token_valid : Out
        ``first`` and ``last`` bracket a filter; every filter has at least one token. ``level`` is 0 in a token
        that only moves on.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "start": In(1),
                "advance": In(1),
                "word": In(config.word_bits),
                "word_valid": In(1),
                "word_ends_tile": In(1),
                "registers": In(row_registers(config)),
                "token": Out(token_layout(config)),
                "token_valid": Out(1),
            }
        )


class FixedDecoder(Decoder):
    """``Fixed(b)``: a running position that each word advances by its gap.

    Filters follow each other in one sequence of positions: reaching ``positions`` ends a filter, so no word is
    spent on saying so. That a token is its filter's last is seen in the word after it.

    The position is kept twice, counted from the start of this filter and from the start of the next one (which is
    negative), so that the loop from one word to the next is a single addition and a choice.
    """

    def elaborate(self, platform: Any) -> Elaboratable:
        """Split the word, advance both positions, hold the token until its successor is known."""
        m = Module()
        index = self._config.index
        assert isinstance(index, Fixed)
        code = self.word[: self._config.weight_bits]
        field = self.word[self._config.weight_bits :]
        escape = field == index.escape
        ends_filter = escape & code[0]
        gap = Mux(ends_filter, 0, field)

        here = Signal(position_bits(self._config))
        beyond = Signal(signed(len(here) + 1))
        reached, wrapped = Signal.like(here), Signal.like(beyond)
        crosses = ~wrapped[-1]
        m.d.comb += [reached.eq(here + gap), wrapped.eq(beyond + gap)]

        with m.If(self.start):
            self._move_to_end(m, here, beyond)
        with m.Elif(self.advance & self.word_valid):
            with m.If(ends_filter | self.word_ends_tile):
                self._move_to_end(m, here, beyond)
            with m.Else():
                step = gap + ~escape
                m.d.sync += [
                    here.eq(Mux(crosses, beyond + step, here + step)),
                    beyond.eq(Mux(crosses, beyond + step - self.registers.positions, beyond + step)),
                ]
        with m.If(self.advance):
            m.d.sync += [
                self.token_valid.eq(self.word_valid),
                self.token.position.eq(Mux(crosses, wrapped, reached)),
                self.token.level.eq(Mux(escape, 0, _level(code))),
                self.token.first.eq(crosses),
                self.token.ends_tile.eq(self.word_ends_tile),
            ]
        m.d.comb += self.token.last.eq(~self.word_valid | crosses)
        return m

    def _move_to_end(self, m: Module, here: Signal, beyond: Signal) -> None:
        """Behind this filter's last position, where the next word starts the next filter."""
        m.d.sync += [here.eq(self.registers.positions), beyond.eq(0)]


class DenseDecoder(Decoder):
    """``Dense``: counters over taps and channels; the position is the tap, the channel is a base address."""

    def elaborate(self, platform: Any) -> Elaboratable:
        """Nested counters, then the token register."""
        m = Module()
        registers = self.registers
        tap = Signal.like(registers.last_tap)
        channel = Signal.like(registers.last_channel)
        base = Signal.like(registers.plane)
        ends_tap, ends_channel = Signal(), Signal()
        m.d.comb += [ends_tap.eq(tap == registers.last_tap), ends_channel.eq(channel == registers.last_channel)]

        with m.If(self.start):
            m.d.sync += [tap.eq(0), channel.eq(0), base.eq(0)]
        with m.Elif(self.advance & self.word_valid):
            m.d.sync += tap.eq(Mux(ends_tap, 0, tap + 1))
            with m.If(ends_tap):
                m.d.sync += [
                    channel.eq(Mux(ends_channel, 0, channel + 1)),
                    base.eq(Mux(ends_channel, 0, base + registers.plane)),
                ]
        with m.If(self.advance):
            m.d.sync += [
                self.token_valid.eq(self.word_valid),
                self.token.position.eq(tap),
                self.token.base.eq(base),
                self.token.level.eq(_level(self.word)),
                self.token.first.eq((tap == 0) & (channel == 0)),
                self.token.last.eq(ends_tap & ends_channel),
                self.token.ends_tile.eq(self.word_ends_tile),
            ]
        return m


def make_decoder(config: ArrayConfig) -> Decoder:
    """The decoder of the configuration's index format."""
    kinds: dict[type, type[Decoder]] = {Dense: DenseDecoder, Fixed: FixedDecoder}
    return kinds[type(config.index)](config)
