"""``Rice(k)``: Golomb-Rice gaps, k set by a register."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, ClassVar

from amaranth.hdl import Cat, Elaboratable, Module, Mux, Signal, Value

from rtl.formats.bit_buffer import BitBuffer
from rtl.formats.decoder import Decoder
from rtl.formats.gap_stream_decoder import GapStreamDecoder
from rtl.formats.index_format import IndexFormat, RowRegister, check_range, first_bit_register
from rtl.formats.unary import bits_behind_one, first_one, place_of

if TYPE_CHECKING:
    from rtl.config import ArrayConfig

__all__ = ["Rice", "RiceDecoder"]


@dataclass(frozen=True)
class Rice(IndexFormat):
    """Golomb-Rice gaps: code, quotient by 2**k in unary, k bits of remainder; k is a register of each row.

    A quotient is 0..window - 1: so many zeros, then a 1. ``window`` zeros and no 1 are an escape, with a remainder of
    0: a code of 0 is then a filler that skips window * 2**k positions, a code of all ones ends the filter.
    """

    max_remainder_bits: int = 7
    pattern: ClassVar[str] = "rice{}"
    example: ClassVar[str] = "rice7"
    window: ClassVar[int] = 6

    def __post_init__(self) -> None:
        check_range("remainder bits of rice", self.max_remainder_bits, 0, 12, "7 suits densities down to 1/200")

    @property
    def decoder(self) -> type[Decoder]:
        """Finds the one behind each quotient."""
        return RiceDecoder

    def row_registers(self, config: ArrayConfig) -> dict[str, RowRegister]:
        """Positions, where a pass begins, and ``remainder_bits`` of every code."""
        remainder_bits = RowRegister(config.word_bits.bit_length(), range(self.max_remainder_bits + 1))
        return super().row_registers(config) | first_bit_register(config) | {"remainder_bits": remainder_bits}

    def word_bits(self, weight_bits: int) -> int:
        """The longest token, so that one word per cycle is enough."""
        return self.window + weight_bits + self.max_remainder_bits

    def least_bits(self, weight_bits: int) -> int:
        """A 1, the code, and no remainder."""
        return 1 + weight_bits


class RiceDecoder(GapStreamDecoder):
    """Code, then unary quotient, then the remainder at a place that follows from it.

    Token, first bit first: code, quotient zeros, a 1, k bits of remainder. An escape has ``window`` zeros and no 1.
    """

    def elaborate(self, platform: Any) -> Elaboratable:
        """Find the one, pick what is behind it, join quotient and remainder."""
        m = Module()
        index, code_bits = self._config.index, self._config.weight_bits
        assert isinstance(index, Rice)
        buffer = self._buffered(m)
        step, _ = self._counted(m, buffer)
        most = index.max_remainder_bits
        shift = self.registers.remainder_bits[: max(1, most.bit_length())]
        code, unary = buffer.bits[:code_bits], buffer.bits[code_bits : code_bits + index.window]
        one, front = Signal(index.window), Signal(index.window)
        escape = Signal()
        kept = Cat(shift > place for place in range(most))
        m.d.comb += [
            one.eq(first_one(unary)),
            escape.eq(~unary.any()),
            front.eq(Cat(one[:-1], one[-1] | escape)),  # an escape is as long as the largest quotient
            buffer.length_known.eq(1 + code_bits + shift),
            buffer.length_found.eq(place_of(front)),
            buffer.runs_over.eq((buffer.offset + shift >= most) & ~self._ends_within(buffer, kept)),
        ]
        quotient = place_of(Cat(one, escape))
        remainder = bits_behind_one(buffer.bits[code_bits:], front, most) & kept
        # Distances decoded ahead of the quotient, which comes late.
        shifted = (Mux(shift == places, quotient << places, 0) for places in range(most + 1))
        with m.If(self.advance):
            m.d.sync += [
                step.gap.eq(reduce(or_, shifted) | remainder),
                step.code.eq(code),
                step.skips.eq(escape),
                step.ends_filter.eq(escape & code[0]),
            ]
        return m

    def _ends_within(self, buffer: BitBuffer, kept: Value) -> Value:
        """Whether a one that is not behind the front is so early that its remainder ends before the word does."""
        code_bits, most = self._config.weight_bits, len(kept)
        last = self._config.word_bits - 2  # the last place of a one with a remainder of no bits
        early = [~kept[last - place] if last - place < most else 1 for place in range(code_bits, last + 1)]
        return (buffer.word_held[code_bits : last + 1] & buffer.ahead[: len(early)] & Cat(early)).any()
