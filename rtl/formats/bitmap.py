"""``Bitmap(window)``: one bit per position, codes in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from amaranth.hdl import Cat, Elaboratable, Module, Mux, Signal, Value

from rtl.formats.bit_buffer import BitBuffer
from rtl.formats.decoder import Decoder
from rtl.formats.gap_stream_decoder import GapStreamDecoder
from rtl.formats.index_format import IndexFormat, RowRegister, check_range, first_bit_register
from rtl.formats.unary import bits_behind_one, first_one, place_of

if TYPE_CHECKING:
    from rtl.config import ArrayConfig

__all__ = ["Bitmap", "BitmapDecoder"]


@dataclass(frozen=True)
class Bitmap(IndexFormat):
    """One bit per position, a 1 followed by its code: a stream of bits in words, read ``window`` bits a cycle.

    A cycle passes ``window`` zeros, or fewer and the nonzero behind them. The bit before each filter's positions is 1
    where the filter is empty.
    """

    window: int = 8
    pattern: ClassVar[str] = "bitmap{}"
    example: ClassVar[str] = "bitmap8"
    leading_positions: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_range("bitmap window", self.window, 1, 32, "8 suits densities above a tenth")

    @property
    def decoder(self) -> type[Decoder]:
        """Finds ones."""
        return BitmapDecoder

    def row_registers(self, config: ArrayConfig) -> dict[str, RowRegister]:
        """Positions, and where a pass begins."""
        return super().row_registers(config) | first_bit_register(config)

    def word_bits(self, weight_bits: int) -> int:
        """The longest token, so that one word per cycle is enough."""
        return self.window + weight_bits

    def least_bits(self, weight_bits: int) -> int:
        """A 1 and the code."""
        return 1 + weight_bits


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
        shortest = min(index.window, 1 + code_bits)
        passed, kept = index.window - shortest, 1 + code_bits - shortest  # bits beyond: of no one, of a one at place 0
        m.d.comb += [
            one.eq(first_one(buffer.bits[: index.window])),
            none.eq(~buffer.bits[: index.window].any()),
            buffer.length_known.eq(shortest),
            buffer.length_found.eq(place_of(one, kept) | Mux(none, passed, 0)),
            buffer.runs_over.eq(~self._ends_within(buffer, index.window)),
        ]
        with m.If(self.advance):
            m.d.sync += [
                step.gap.eq(place_of(one) | Mux(none, index.window, 0)),
                step.code.eq(bits_behind_one(buffer.bits, one, code_bits)),
                step.skips.eq(none),
            ]
        with m.If(counter.token.position == 0):
            m.d.comb += self.token.level.nonzero.eq(0)
        return m

    def _ends_within(self, buffer: BitBuffer, window: int) -> Value:
        """Whether there is a one whose code ends before the word does, or no one in a window that does."""
        ahead, last = buffer.ahead, self._config.word_bits - 1
        ones = buffer.word_held[:last] & ahead
        seen = Cat(ones[:window], ones[window:] & ~ahead[: last - window])
        return seen[: window - 1].any() | (ahead[last - window] & ~seen[window - 1 :].any())
