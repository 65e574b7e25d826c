"""``Decompress``: a bitmap's storage, a dense array's cycles."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Elaboratable, Module, Mux

from rtl.formats.decoder import level_of
from rtl.formats.stream_decoder import StreamDecoder
from rtl.formats.tap_counter import TapCounter

__all__ = ["DecompressDecoder"]


class DecompressDecoder(StreamDecoder):
    """A token a position: level 0 for a 0, the code behind it for a 1."""

    def elaborate(self, platform: Any) -> Elaboratable:
        """One bit, and a code where it says so."""
        m = Module()
        buffer = self._buffered(m)
        counter = TapCounter(self._config)
        self._count_with(m, counter)
        kept, code = buffer.bits[0], buffer.bits[1:]
        m.d.comb += [
            buffer.length_known.eq(1),
            buffer.length_found.eq(Mux(kept, self._config.weight_bits, 0)),
            buffer.runs_over.eq(kept | ~buffer.ahead[-1]),
            counter.registers.eq(self.registers),
            counter.valid.eq(buffer.valid),
            counter.level.eq(Mux(kept, level_of(code), 0)),
            counter.ends_tile.eq(buffer.ends_tile),
        ]
        return m
