"""The array's load port: one write a cycle into any bank or register."""

from __future__ import annotations

from enum import IntEnum

from amaranth.hdl import unsigned
from amaranth.lib import data

from rtl.config import ArrayConfig
from rtl.widths import address_bits, table_layout

__all__ = ["LayerRegister", "Space", "data_bits", "rows_of", "write_address_bits", "write_bus_layout"]


class Space(IntEnum):
    """What a write goes to. ``row`` selects the row where ``rows_of`` has several.

    ``COMMAND`` is none of the array's: a load packet starts a layer by it (``rtl.axi.loader``).
    """

    LAYER = 0
    ROW = 1
    WEIGHT = 2
    TABLE = 3
    ACTIVATION = 4
    BIAS = 5
    COMMAND = 6


class LayerRegister(IntEnum):
    """Addresses in ``Space.LAYER``: counts minus one, and how results are scaled and pooled.

    ``LAST_PIXEL`` is a pooling window's pixels minus one, 0 without pooling; ``POOL_SHIFT`` 0 takes their maximum, else
    it is the logarithm of their number and they are averaged. ``LAST_SUBARRAY``: subarrays minus one.
    """

    LAST_FILTER = 0
    LAST_TILE = 1
    MULTIPLIER = 2
    SHIFT = 3
    RELU = 4
    LAST_PIXEL = 5
    POOL_SHIFT = 6
    LAST_SUBARRAY = 7


def rows_of(config: ArrayConfig, space: Space) -> int:
    """How many there are of a space: one for each row, or one for all. Rows in lock-step share registers and table."""
    shared = {Space.LAYER, Space.BIAS, Space.COMMAND} | ({Space.ROW, Space.TABLE} if config.lockstep else set())
    return 1 if space in shared else config.rows


def data_bits(config: ArrayConfig) -> int:
    """Width of the data of a write: the widest bank word, at least 32."""
    entry_bits: int = table_layout(config).size
    return max(32, config.word_bits, entry_bits, config.lanes * config.act_bits, config.acc_bits)


def write_address_bits(config: ArrayConfig) -> int:
    """Width of the address of a write: the deepest bank."""
    depths = (config.weight_depth, config.table_depth, config.activation_depth, config.bias_depth)
    return max(3, *(address_bits(depth) for depth in depths))


def write_bus_layout(config: ArrayConfig) -> data.StructLayout:
    """One write, low bits first: data, address, row, space."""
    return data.StructLayout(
        {
            "data": unsigned(data_bits(config)),
            "address": unsigned(write_address_bits(config)),
            "row": unsigned(max(1, (config.rows - 1).bit_length())),
            "space": unsigned(3),
        }
    )
