"""``Dense``: a code a word, counted."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module

from rtl.formats.decoder import Decoder, level_of
from rtl.formats.tap_counter import TapCounter

__all__ = ["DenseDecoder"]


class DenseDecoder(Decoder):
    """Every word is the level of the next position."""

    def elaborate(self, platform: Any) -> Elaboratable:
        """Words into the counter."""
        m = Module()
        counter = TapCounter(self._config)
        self._count_with(m, counter)
        m.d.comb += [
            counter.registers.eq(self.registers),
            counter.valid.eq(self.word_valid),
            counter.level.eq(level_of(self.word)),
            counter.ends_tile.eq(self.word_ends_tile),
            self.next.eq(1),
        ]
        return m
