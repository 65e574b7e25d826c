"""``Bitmap(window)``: one bit a position, codes in between."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import Const, Elaboratable, Module, Signal

from rtl.decoders.gap_stream_decoder import GapStreamDecoder
from rtl.decoders.unary import bits_behind_one, first_one, place_of
from rtl.indexformats import Bitmap

__all__ = ["BitmapDecoder"]


class BitmapDecoder(GapStreamDecoder):
    """A priority encoder over the next ``window`` bits; where all are zero, a token moves on by as many positions.

    A filter's first bit stands before its positions. It is 1 where the filter is empty, for every filter needs a token.
    """

    def elaborate(self, platform: Any) -> Elaboratable:
        """Find the one and its length, count positions from the extra one."""
        m = Module()
        index, code_bits = self._config.index, self._config.weight_bits
        assert isinstance(index, Bitmap)
        buffer = self._buffered(m)
        step, counter = self._counted(m, buffer)
        one, none = Signal(index.window), Signal()
        length_bits = len(buffer.length_found)
        passed = Const(index.window, length_bits) & none.replicate(length_bits)
        lengths = (
            Const(place + 1 + code_bits, length_bits) & bit.replicate(length_bits) for place, bit in enumerate(one)
        )
        m.d.comb += [
            one.eq(first_one(buffer.bits[: index.window])),
            none.eq(~buffer.bits[: index.window].any()),
            buffer.length_found.eq(reduce(or_, lengths) | passed),
        ]
        with m.If(self.advance):
            m.d.sync += [
                step.gap.eq(place_of(one) | passed),
                step.code.eq(bits_behind_one(buffer.bits, one, code_bits)),
                step.skips.eq(none),
            ]
        with m.If(counter.token.position == 0):
            m.d.comb += self.token.level.eq(0)
        return m
