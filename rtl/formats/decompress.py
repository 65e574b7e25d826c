"""``Decompress``: a bitmap's storage, a dense array's cycles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from amaranth.hdl import Elaboratable, Module, Mux

from rtl.formats.decoder import Decoder
from rtl.formats.index_format import IndexFormat, RowRegister, first_bit_register, tap_registers
from rtl.formats.stream_decoder import StreamDecoder
from rtl.formats.tap_counter import TapCounter

if TYPE_CHECKING:
    from rtl.config import ArrayConfig

__all__ = ["Decompress", "DecompressDecoder"]


@dataclass(frozen=True)
class Decompress(IndexFormat):
    """Stored as a bitmap, executed as if dense: zeros are multiplied too. Saves SRAM, no cycles."""

    pattern: ClassVar[str] = "decompress"
    example: ClassVar[str] = "decompress"
    counts_positions: ClassVar[bool] = True

    @property
    def decoder(self) -> type[Decoder]:
        """Counts positions, one bit or code at a time."""
        return DecompressDecoder

    def row_registers(self, config: ArrayConfig) -> dict[str, RowRegister]:
        """Positions are counted; where a pass begins."""
        return tap_registers(config) | first_bit_register(config)

    def word_bits(self, weight_bits: int) -> int:
        """The longest token, so that one word per cycle is enough."""
        return 1 + weight_bits


class DecompressDecoder(StreamDecoder):
    """One token per position: no level for a 0, the code behind it for a 1."""

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
            counter.level.code.eq(code),
            counter.level.nonzero.eq(kept),
            counter.ends_tile.eq(buffer.ends_tile),
        ]
        return m
