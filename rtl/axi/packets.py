"""Load packets: how writes of the array's port travel on a stream of ``ArrayConfig.stream_bits``."""

from __future__ import annotations

from math import ceil

from rtl.array.write_bus import LayerRegister, Space
from rtl.config import ArrayConfig
from rtl.widths import row_registers, table_layout

__all__ = [
    "ADDRESS_FIELD",
    "HEADER_BITS",
    "ROW_FIELD",
    "data_beats",
    "header",
    "header_beats",
    "word_bits",
    "word_cycles",
    "words_of_space",
]

HEADER_BITS = 64
"""A segment begins with as many; the rest of a wider beat means nothing."""

ADDRESS_FIELD = 24
"""In the low half of a header: bits 23..0 the first address, from bit 24 the space."""

ROW_FIELD = 24
"""In the high half of a header: bits 23..0 the number of words minus one, from bit 24 the row."""


def header(space: Space, row: int, address: int, words: int) -> int:
    """The 64 bits before ``words`` words for neighbouring addresses of one bank."""
    low, high = space << ADDRESS_FIELD | address, row << ROW_FIELD | (words - 1)
    return high << HEADER_BITS // 2 | low


def header_beats(config: ArrayConfig) -> int:
    """Beats of a header."""
    return ceil(HEADER_BITS / config.stream_bits)


def words_of_space(config: ArrayConfig, space: Space) -> int:
    """Addresses that a space has."""
    return {
        Space.LAYER: len(LayerRegister),
        Space.ROW: len(list(row_registers(config))),
        Space.WEIGHT: config.weight_depth,
        Space.TABLE: config.table_depth,
        Space.ACTIVATION: config.activation_depth,
        Space.BIAS: config.bias_depth,
        Space.COMMAND: 1,
    }[space]


def word_bits(config: ArrayConfig, space: Space) -> int:
    """Bits of the stream that one word takes: those of a bank's word, 32 for a register or command."""
    bits: int = {
        Space.WEIGHT: config.word_bits,
        Space.TABLE: table_layout(config).size,
        Space.ACTIVATION: config.lanes * config.act_bits,
        Space.BIAS: config.acc_bits,
    }.get(space, 32)
    return bits


def word_cycles(config: ArrayConfig, space: Space) -> int:
    """Cycles that the loader takes for one word at least."""
    return ceil(word_bits(config, space) / config.stream_bits)


def data_beats(config: ArrayConfig, space: Space, words: int) -> int:
    """Beats of a segment behind its header: its words without gaps; bits after the last one mean nothing."""
    return ceil(words * word_bits(config, space) / config.stream_bits)
