"""``Decompress``: a bitmap's storage, a dense array's cycles."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module, Mux

from rtl.decoders.decoder import level_of
from rtl.decoders.stream_decoder import StreamDecoder
from rtl.decoders.tap_counter import TapCounter

__all__ = ["DecompressDecoder"]


class DecompressDecoder(StreamDecoder):
    """A token a position: level 0 for a 0, the code behind it for a 1."""

    def elaborate(self, platform: Any) -> Elaboratable:
        """One bit, and a code where it says so."""
        m = Module()
        buffer = self._buffered(m)
        m.submodules.counter = counter = TapCounter(self._config)
        kept, code = buffer.bits[0], buffer.bits[1:]
        m.d.comb += [
            buffer.length_known.eq(1),
            buffer.length_found.eq(Mux(kept, self._config.weight_bits, 0)),
            counter.start.eq(self.start),
            counter.advance.eq(self.advance),
            counter.registers.eq(self.registers),
            counter.valid.eq(buffer.valid),
            counter.level.eq(Mux(kept, level_of(code), 0)),
            counter.ends_tile.eq(buffer.ends_tile),
            self.token.eq(counter.token),
            self.token_valid.eq(counter.token_valid),
        ]
        return m
