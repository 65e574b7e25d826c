"""``Dense``: one code per word, positions counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from amaranth.hdl import Cat, Const, Elaboratable, Module, Value

from rtl.formats.decoder import Decoder
from rtl.formats.index_format import IndexFormat, RowRegister, tap_registers
from rtl.formats.tap_counter import TapCounter
from rtl.widths import level_layout

if TYPE_CHECKING:
    from rtl.config import ArrayConfig

__all__ = ["Dense", "DenseDecoder", "dense_level"]


def dense_level(config: ArrayConfig, word: Value) -> Value:
    """The level in a word: a code, and above it whether it is a weight; a word without that bit always is one."""
    return Cat(word, Const(1, 1))[: level_layout(config).size]


@dataclass(frozen=True)
class Dense(IndexFormat):
    """No index: every position's weight is stored, none is zero."""

    pattern: ClassVar[str] = "dense"
    example: ClassVar[str] = "dense"
    counts_positions: ClassVar[bool] = True

    @property
    def decoder(self) -> type[Decoder]:
        """Counts positions."""
        return DenseDecoder

    def row_registers(self, config: ArrayConfig) -> dict[str, RowRegister]:
        """Positions are counted."""
        return tap_registers(config)

    def word_bits(self, weight_bits: int) -> int:
        """One code."""
        return weight_bits


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
            counter.level.eq(dense_level(self._config, self.word)),
            counter.ends_tile.eq(self.word_ends_tile),
            self.next.eq(1),
        ]
        return m
