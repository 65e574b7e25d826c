"""What each index format of the array costs: logic and clock of a row, stored bits of random masks.

``python -m benchmarks.array.formats`` prints both as JSON lines. Technology: the generic library.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from math import log2
from typing import Any

import numpy as np

from flows.synthesis.area import ArrayMeasurement, measure
from flows.technology.technology import generic_technology
from rtl.config import ArrayConfig
from rtl.formats.bitmap import Bitmap
from rtl.formats.decompress import Decompress
from rtl.formats.dense import Dense
from rtl.formats.fixed import Fixed
from rtl.formats.index_format import IndexFormat
from rtl.formats.nm import NM
from rtl.formats.rice import Rice
from sim.mapping.encoders.registry import make_packer

__all__ = ["DENSITIES", "FORMATS", "entropy_floor", "main", "row_area", "row_config", "row_costs", "stored_bits"]

FORMATS = (Dense(), Fixed(4), Fixed(6), Bitmap(8), Rice(6), Rice(7), NM(2, 4), Decompress())
DENSITIES = (0.5, 0.2, 0.1, 0.05, 0.0118, 0.006)
_DRAIN = ("group_select", "drain_control", "requantizer", "pool")


def row_config(index: IndexFormat, weight_bits: int) -> ArrayConfig:
    """The array whose row is compared: 4 x 16 PEs."""
    array = ArrayConfig(
        rows=4, lanes=16, weight_bits=weight_bits, weight_depth=4096, table_depth=512, activation_depth=512
    )
    return array.with_index(index)


def row_area(measured: ArrayMeasurement, rows: int) -> float:
    """The array's logic without SRAMs, requantizers and drain, divided by its rows."""
    return sum(module.area * module.count / rows for module in measured.modules if module.name not in _DRAIN)


def row_costs(config: ArrayConfig) -> dict[str, Any]:
    """Logic area a row without SRAMs, clock of the row's control, and of the whole array.

    The array's logic without requantizers and drain, divided by its rows: rows in lock-step share their control.
    """
    measured = measure(config, generic_technology())
    modules = {module.name: module for module in measured.modules}
    control = modules["lockstep_control" if config.lockstep else "row_control"]
    return {
        "index": str(config.index),
        "row_area_ge": round(row_area(measured, config.rows)),
        "row_control_fo4": round(control.period, 2),
        "clock_fo4": round(measured.clock_period, 2),
        "set_by": measured.critical,
    }


def entropy_floor(density: float, weight_bits: int) -> float:
    """Bits a nonzero that no code of a random mask's positions goes below: n + H(p) / p."""
    entropy = -(density * log2(density) + (1 - density) * log2(1 - density))
    return weight_bits + entropy / density


def stored_bits(index: IndexFormat, density: float, weight_bits: int = 8, seed: int = 0) -> dict[str, Any]:
    """Bits a nonzero in the packed words of a random mask of 256 filters of 1024 positions, and cycles a nonzero."""
    mask = np.random.default_rng(seed).random((256, 1024)) < density
    packer = make_packer(index, weight_bits)
    plan = packer.plan(mask)
    bits = plan.words * packer.word_bits / mask.sum()
    return {
        "index": str(index),
        "density": density,
        "bits": round(float(bits), 3),
        "over_floor": round(float(bits) / entropy_floor(density, weight_bits), 4),
        "cycles": round(float(plan.tokens_k.sum() / mask.sum()), 4),
    }


def _lines(formats: Sequence[IndexFormat]) -> Iterator[dict[str, Any]]:
    for weight_bits in (8, 4):
        for index in formats:
            yield {"weight_bits": weight_bits, **row_costs(row_config(index, weight_bits))}
    for index in formats:
        if not isinstance(index, Dense | NM):  # these do not store every mask
            yield from (stored_bits(index, density) for density in DENSITIES)


def main() -> None:
    """Print the measurements."""
    for line in _lines(FORMATS):
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
