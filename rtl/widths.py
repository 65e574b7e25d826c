"""Bit widths and record layouts shared by the array's components; each follows from the configuration alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amaranth.hdl import signed, unsigned
from amaranth.lib import data

if TYPE_CHECKING:
    from rtl.config import ArrayConfig

__all__ = [
    "COUNT_BITS",
    "address_bits",
    "bias_layout",
    "level_layout",
    "position_bits",
    "product_stage",
    "row_registers",
    "shift_bits",
    "table_layout",
    "tail_bits",
    "token_layout",
]

COUNT_BITS = 16
"""Width of the filter and tile counters."""


def address_bits(depth: int) -> int:
    """Bits that address ``depth`` words."""
    return (depth - 1).bit_length()


def position_bits(config: ArrayConfig) -> int:
    """Bits of a position count over two filters: a gap ends at most one filter, so none is longer."""
    return address_bits(config.table_depth) + 1


def shift_bits(config: ArrayConfig) -> int:
    """Bits of a shift 0..lanes - 1 within an activation word, at least 1."""
    return max(1, (config.lanes - 1).bit_length())


def level_layout(config: ArrayConfig) -> data.StructLayout:
    """A level's code; without ``nonzero`` it is no weight, and the code means nothing."""
    return data.StructLayout({"code": unsigned(config.weight_bits), "nonzero": unsigned(1)})


def product_stage(weight_bits: int) -> bool:
    """Whether a register stands between a lane's multiplier and its adder; one digit's multiple needs none."""
    return weight_bits > 2


def tail_bits(config: ArrayConfig) -> int:
    """Bits of the number of a stack of rows that may be a subarray, at least 1."""
    return max(1, address_bits(config.subarrays))


def table_layout(config: ArrayConfig) -> data.StructLayout:
    """An address table word: activation word and pixel shift of a position."""
    return data.StructLayout(
        {"shift": unsigned(shift_bits(config)), "word": unsigned(address_bits(config.activation_depth))}
    )


def token_layout(config: ArrayConfig) -> data.StructLayout:
    """What a decoder tells the row each cycle: one level at one position, and where filters begin.

    If positions are counted, a position is a tap, and ``base`` is the activation word at which its channel starts.
    """
    members = {
        "position": unsigned(address_bits(config.table_depth)),
        "level": level_layout(config),
        "first": unsigned(1),
        "ends_tile": unsigned(1),
    }
    if config.index.counts_positions:
        members["base"] = unsigned(address_bits(config.activation_depth))
    return data.StructLayout(members)


def bias_layout(config: ArrayConfig) -> signed:
    """A bias word, in accumulator units."""
    return signed(config.acc_bits)


def row_registers(config: ArrayConfig) -> data.StructLayout:
    """Registers a row needs for one layer; a member is written at its index in this layout.

    ``last_word``: weight words of one pass over all filters, minus one. Then those that ``config.index`` declares.
    """
    declared = {name: register.bits for name, register in config.index.row_registers(config).items()}
    widths = {"last_word": address_bits(config.weight_depth), **declared}
    return data.StructLayout({name: unsigned(bits) for name, bits in widths.items()})
