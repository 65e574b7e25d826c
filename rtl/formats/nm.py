"""``NM(n, m)``: an offset within a group and a code a word."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module, Mux, Signal

from rtl.formats.decoder import Decoder, level_of
from rtl.formats.index_formats import NM

__all__ = ["NMDecoder"]


class NMDecoder(Decoder):
    """Counters over the words of a group, the groups and the words of a filter."""

    def elaborate(self, platform: Any) -> Elaboratable:
        """Advance the group, then the token register."""
        m = Module()
        index = self._config.index
        assert isinstance(index, NM)
        code = self.word[: self._config.weight_bits]
        offset = self.word[self._config.weight_bits :]
        nth, word = Signal(max(1, (index.n - 1).bit_length())), Signal.like(self.registers.last_filter_word)
        group = Signal(len(self.token.position))
        ends_filter = Signal()
        m.d.comb += [ends_filter.eq(word == self.registers.last_filter_word), self.next.eq(1)]

        with m.If(self.start):
            m.d.sync += [nth.eq(0), word.eq(0), group.eq(0)]
        with m.Elif(self.advance & self.word_valid):
            ends_group = nth == index.n - 1
            m.d.sync += [
                word.eq(Mux(ends_filter, 0, word + 1)),
                nth.eq(Mux(ends_filter | ends_group, 0, nth + 1)),
                group.eq(Mux(ends_filter, 0, Mux(ends_group, group + index.m, group))),
            ]
        aligned = index.m == 1 << index.offset_bits  # the offset's bits are zero in ``group``
        with m.If(self.advance):
            m.d.sync += [
                self.token_valid.eq(self.word_valid),
                self.token.position.eq(group | offset if aligned else group + offset),
                self.token.level.eq(level_of(code)),
                self.token.first.eq(word == 0),
                self.token.last.eq(ends_filter),
                self.token.ends_tile.eq(self.word_ends_tile),
            ]
        return m
