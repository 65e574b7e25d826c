"""``Dense``: a code a word, counted."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module

from rtl.decoders.decoder import Decoder, level_of
from rtl.decoders.tap_counter import TapCounter

__all__ = ["DenseDecoder"]


class DenseDecoder(Decoder):
    """Every word is the level of the next position."""

    def elaborate(self, platform: Any) -> Elaboratable:
        """Words into the counter."""
        m = Module()
        m.submodules.counter = counter = TapCounter(self._config)
        m.d.comb += [
            counter.start.eq(self.start),
            counter.advance.eq(self.advance),
            counter.registers.eq(self.registers),
            counter.valid.eq(self.word_valid),
            counter.level.eq(level_of(self.word)),
            counter.ends_tile.eq(self.word_ends_tile),
            self.next.eq(1),
            self.token.eq(counter.token),
            self.token_valid.eq(counter.token_valid),
        ]
        return m
