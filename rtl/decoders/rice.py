"""``Rice(k)``: Golomb-Rice gaps, k set by a register."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Elaboratable, Module, Signal

from rtl.decoders.gap_stream_decoder import GapStreamDecoder
from rtl.decoders.unary import bits_behind_one, first_one, place_of
from rtl.indexformats import Rice

__all__ = ["RiceDecoder"]


class RiceDecoder(GapStreamDecoder):
    """Code, then unary quotient, then the remainder at a place that follows from it.

    Token, first bit first: code, quotient zeros, a 1, k bits of remainder. An escape has ``window`` zeros and no 1.
    """

    def elaborate(self, platform: Any) -> Elaboratable:
        """Find the one, pick what is behind it, join quotient and remainder (0 where the filter ends)."""
        m = Module()
        index, code_bits = self._config.index, self._config.weight_bits
        assert isinstance(index, Rice)
        buffer = self._buffered(m)
        step, _ = self._counted(m, buffer)
        most = index.max_remainder_bits
        shift = self.registers.remainder_bits[: max(1, most.bit_length())]
        code, unary = buffer.bits[:code_bits], buffer.bits[code_bits : code_bits + index.window]
        one, front = Signal(index.window), Signal(index.window)
        escape, ends_filter = Signal(), Signal()
        kept = Cat(shift > place for place in range(most))
        m.d.comb += [
            one.eq(first_one(unary)),
            escape.eq(~unary.any()),
            front.eq(Cat(one[:-1], one[-1] | escape)),  # an escape is as long as the largest quotient
            ends_filter.eq(escape & code[0]),
            buffer.length_known.eq(1 + code_bits + shift),
            buffer.length_found.eq(place_of(front)),
        ]
        quotient = place_of(Cat(one, escape & ~ends_filter))
        remainder = bits_behind_one(buffer.bits[code_bits:], front, most) & kept
        with m.If(self.advance):
            m.d.sync += [
                step.gap.eq(quotient << shift | remainder),
                step.code.eq(code),
                step.skips.eq(escape),
                step.ends_filter.eq(ends_filter),
            ]
        return m
