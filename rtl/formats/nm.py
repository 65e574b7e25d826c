"""``NM(n, m)``: an offset within a group and a code in each word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from amaranth.hdl import Elaboratable, Module, Mux, Signal

from rtl.data_register import data_register
from rtl.formats.decoder import Decoder
from rtl.formats.index_format import IndexFormat, RowRegister, check_range
from rtl.widths import address_bits

if TYPE_CHECKING:
    from rtl.config import ArrayConfig

__all__ = ["NM", "NMDecoder"]


@dataclass(frozen=True)
class NM(IndexFormat):
    """``n`` words for every ``m`` consecutive positions of a row, each a code and an offset within the group.

    The last group of a filter may be shorter; it has no more words than positions. A group with fewer nonzeros than
    words has levels that add up to them.
    """

    n: int = 2
    m: int = 4
    pattern: ClassVar[str] = "nm{}of{}"
    example: ClassVar[str] = "nm2of4"

    def __post_init__(self) -> None:
        check_range("m of n:m", self.m, 2, 64, "4 is the usual choice")
        check_range("n of n:m", self.n, 1, self.m - 1, "n is smaller than m")

    @property
    def decoder(self) -> type[Decoder]:
        """Counts groups."""
        return NMDecoder

    def row_registers(self, config: ArrayConfig) -> dict[str, RowRegister]:
        """``last_filter_word``: words of a filter, minus one."""
        return {"last_filter_word": RowRegister(address_bits(config.weight_depth), range(config.weight_depth))}

    @property
    def offset_bits(self) -> int:
        """Bits of an offset 0..m - 1."""
        return (self.m - 1).bit_length()

    def word_bits(self, weight_bits: int) -> int:
        """Offset and code."""
        return self.offset_bits + weight_bits


class NMDecoder(Decoder):
    """Counters over the words of a group, the groups and the words of a filter."""

    def elaborate(self, platform: Any) -> Elaboratable:
        """Advance the group, then the token register."""
        m = Module()
        index = self._config.index
        assert isinstance(index, NM)
        code = self.word[: self._config.weight_bits]
        offset = self.word[self._config.weight_bits :]
        nth, word = Signal(max(1, (index.n - 1).bit_length())), Signal.like(self.registers.last_filter_word)
        group = Signal(len(self.token.position))
        token, ends_filter = data_register(m, self.token), Signal()
        m.d.comb += [ends_filter.eq(word == self.registers.last_filter_word), self.next.eq(1)]

        with m.If(self.start):
            m.d.sync += [nth.eq(0), word.eq(0), group.eq(0)]
        with m.Elif(self.advance & self.word_valid):
            ends_group = nth == index.n - 1
            m.d.sync += [
                word.eq(Mux(ends_filter, 0, word + 1)),
                nth.eq(Mux(ends_filter | ends_group, 0, nth + 1)),
                group.eq(Mux(ends_filter, 0, Mux(ends_group, group + index.m, group))),
            ]
        aligned = index.m == 1 << index.offset_bits  # the offset's bits are zero in ``group``
        with m.If(self.advance):
            m.d.sync += [
                self.token_valid.eq(self.word_valid),
                token.position.eq(group | offset if aligned else group + offset),
                token.level.code.eq(code),
                token.level.nonzero.eq(1),
                token.first.eq(word == 0),
                token.ends_tile.eq(self.word_ends_tile),
            ]
        return m
