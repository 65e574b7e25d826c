"""``Fixed(b)``: a gap and a code a word."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module

from rtl.formats.decoder import Decoder, level_of
from rtl.formats.gap_counter import GapCounter
from rtl.formats.index_formats import Fixed

__all__ = ["FixedDecoder"]


class FixedDecoder(Decoder):
    """Every word is a step: no state but the position."""

    def elaborate(self, platform: Any) -> Elaboratable:
        """Split the word."""
        m = Module()
        index = self._config.index
        assert isinstance(index, Fixed)
        code = self.word[: self._config.weight_bits]
        field = self.word[self._config.weight_bits :]
        escape = field == index.escape
        counter = GapCounter(self._config)
        self._count_with(m, counter)
        m.d.comb += [
            counter.positions.eq(self.registers.positions),
            counter.valid.eq(self.word_valid),
            counter.gap.eq(field),
            counter.level.eq(level_of(code)),
            counter.skips.eq(escape),
            counter.ends_filter.eq(escape & code[0]),
            counter.ends_tile.eq(self.word_ends_tile),
            self.next.eq(1),
        ]
        return m
