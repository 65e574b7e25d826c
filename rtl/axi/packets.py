"""Load packets: how writes of the array's port travel on a 32-bit stream."""

from __future__ import annotations

from math import ceil

from rtl.array.write_bus import LayerRegister, Space
from rtl.config import ArrayConfig
from rtl.widths import row_registers, table_layout

__all__ = ["ADDRESS_FIELD", "ROW_FIELD", "STREAM_BITS", "beats_of_word", "header", "words_of_space"]

STREAM_BITS = 32
"""Width of the load stream."""

ADDRESS_FIELD = 24
"""In the first header beat: bits 23..0 the first address, from bit 24 the space."""

ROW_FIELD = 24
"""In the second header beat: bits 23..0 the number of words minus one, from bit 24 the row."""


def header(space: Space, row: int, address: int, words: int) -> tuple[int, int]:
    """The two beats before ``words`` words for neighbouring addresses of one bank."""
    return space << ADDRESS_FIELD | address, row << ROW_FIELD | (words - 1)


def words_of_space(config: ArrayConfig, space: Space) -> int:
    """Addresses that a space has."""
    return {
        Space.LAYER: len(LayerRegister),
        Space.ROW: len(list(row_registers(config))),
        Space.WEIGHT: config.weight_depth,
        Space.TABLE: config.table_depth,
        Space.ACTIVATION: config.activation_depth,
        Space.BIAS: config.bias_depth,
    }[space]


def beats_of_word(config: ArrayConfig, space: Space) -> int:
    """Beats that one word takes, low bits first; extra bits in the last beat are ignored."""
    bits: int = {
        Space.WEIGHT: config.word_bits,
        Space.TABLE: table_layout(config).size,
        Space.ACTIVATION: config.lanes * config.act_bits,
        Space.BIAS: config.acc_bits,
    }.get(space, STREAM_BITS)
    return ceil(bits / STREAM_BITS)
