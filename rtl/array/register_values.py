"""Which values a layer may give to the registers of the array and of its rows, and the one command of a packet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compress.model.requantization import MAX_SHIFT, MULTIPLIER_BITS
from rtl.array.pool import LARGEST_WINDOW
from rtl.array.write_bus import LayerRegister, Space
from rtl.config import ArrayConfig
from rtl.widths import COUNT_BITS

__all__ = ["register_values"]


def register_values(config: ArrayConfig) -> dict[Space, Mapping[str, Sequence[int]]]:
    """The legal values of each register, in the order of addresses: a range, or each value.

    Counts are stored minus one, so that 0 means one filter, tile or word; there is no way to say none.
    """
    rows = {name: register.legal for name, register in config.index.row_registers(config).items()}
    return {
        Space.LAYER: {register.name.lower(): values for register, values in _layer_values(config).items()},
        Space.ROW: {"last_word": range(config.weight_depth), **rows},
        Space.COMMAND: {"start": range(1, 2)},
    }


def _layer_values(config: ArrayConfig) -> dict[LayerRegister, Sequence[int]]:
    """A filter has a word of the bias bank, a tile at least a word of each activation bank.

    The pixels of a pooling window divide the lanes of a requantizer; subarrays are powers of two.
    """
    block = config.lanes // config.requant_lanes
    return {
        LayerRegister.LAST_FILTER: range(min(config.bias_depth, 1 << COUNT_BITS)),
        LayerRegister.LAST_TILE: range(min(config.activation_depth, 1 << COUNT_BITS)),
        LayerRegister.MULTIPLIER: range(1, 1 << MULTIPLIER_BITS),
        LayerRegister.SHIFT: range(MAX_SHIFT),
        LayerRegister.RELU: range(2),
        LayerRegister.LAST_PIXEL: [n - 1 for n in range(1, LARGEST_WINDOW + 1) if block % n == 0],
        LayerRegister.POOL_SHIFT: range(LARGEST_WINDOW.bit_length()),
        LayerRegister.LAST_SUBARRAY: [(1 << n) - 1 for n in range(config.subarrays.bit_length())],
    }
