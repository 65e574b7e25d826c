"""``DenseZeros``: a code and whether it is a weight in each word, positions counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rtl.formats.decoder import Decoder
from rtl.formats.dense import DenseDecoder
from rtl.formats.index_format import IndexFormat, RowRegister, tap_registers

if TYPE_CHECKING:
    from rtl.config import ArrayConfig

__all__ = ["DenseZeros", "DenseZerosDecoder"]


@dataclass(frozen=True)
class DenseZeros(IndexFormat):
    """No index, and pruned weights multiplied as zeros: the dense baseline of a pruned model.

    Levels of n bits leave no code for zero, so a bit more in each word says whether its code is a weight.
    """

    pattern: ClassVar[str] = "dense0"
    example: ClassVar[str] = "dense0"
    counts_positions: ClassVar[bool] = True

    @property
    def decoder(self) -> type[Decoder]:
        """Counts positions."""
        return DenseZerosDecoder

    def row_registers(self, config: ArrayConfig) -> dict[str, RowRegister]:
        """Positions are counted."""
        return tap_registers(config)

    def word_bits(self, weight_bits: int) -> int:
        """A code, and whether it is a weight."""
        return weight_bits + 1


class DenseZerosDecoder(DenseDecoder):
    """Every word is the level of the next position, or none."""
