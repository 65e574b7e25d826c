"""``Fixed(b)``: one gap and one code per word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from amaranth.hdl import Elaboratable, Module

from rtl.formats.decoder import Decoder
from rtl.formats.gap_counter import GapCounter
from rtl.formats.index_format import IndexFormat, check_range

__all__ = ["Fixed", "FixedDecoder"]


@dataclass(frozen=True)
class Fixed(IndexFormat):
    """Relative index of ``gap_bits`` (003, after Han): pruned positions skipped before the nonzero.

    The gap of all ones is special: with a code of 0 it is a filler that skips 2**gap_bits - 1 positions,
    with a code of all ones it ends the filter. A real gap is therefore 0..2**gap_bits - 2.
    """

    gap_bits: int = 4
    pattern: ClassVar[str] = "fixed{}"
    example: ClassVar[str] = "fixed4"

    def __post_init__(self) -> None:
        check_range("gap_bits", self.gap_bits, 1, 12, "the papers use 4")

    @property
    def decoder(self) -> type[Decoder]:
        """Splits words."""
        return FixedDecoder

    def word_bits(self, weight_bits: int) -> int:
        """Gap and code."""
        return self.gap_bits + weight_bits

    @property
    def escape(self) -> int:
        """The gap field that marks a filler or the end of a filter; also the positions a filler skips."""
        return (1 << self.gap_bits) - 1


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
            counter.code.eq(code),
            counter.skips.eq(escape),
            counter.ends_filter.eq(escape & code[0]),
            counter.ends_tile.eq(self.word_ends_tile),
            self.next.eq(1),
        ]
        return m
