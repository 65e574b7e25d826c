"""What an index format costs: row area and clock over a dense row, stored bits over the entropy."""

from __future__ import annotations

from typing import Any

from benchmarks.array.cycles import CANDIDATES
from benchmarks.array.formats import DENSITIES, row_config, row_costs, stored_bits
from benchmarks.results import Results
from rtl.formats.dense import Dense
from rtl.formats.index_format import IndexFormat
from rtl.formats.nm import NM

__all__ = ["area_costs", "bits_costs"]


def area_costs(results: Results) -> list[dict[str, Any]]:
    """An entry a format, of 8-bit levels and of 4-bit ones: logic of a row of 16 lanes without SRAM, and the clock.

    Each is told over the dense row's of as many bits.
    """
    return [entry for weight_bits in (8, 4) for entry in _costs(weight_bits, results)]


def _costs(weight_bits: int, results: Results) -> list[dict[str, Any]]:
    found = [_row_costs(index, weight_bits, results) for index in CANDIDATES]
    dense = next(entry for entry in found if entry["index"] == str(Dense()))
    return [
        {
            "format": entry["index"],
            "weight_bits": weight_bits,
            "row_area_ge": entry["row_area_ge"],
            "row_ratio": entry["row_area_ge"] / dense["row_area_ge"],
            "clock_fo4": entry["clock_fo4"],
            "clock_ratio": dense["clock_fo4"] / entry["clock_fo4"],
            "set_by": entry["set_by"],
        }
        for entry in found
    ]


def _row_costs(index: IndexFormat, weight_bits: int, results: Results) -> dict[str, Any]:
    settings = {"bits": weight_bits}
    key = f"array-area-{index}-{weight_bits}bit"
    if (found := results.get(__name__, key, settings)) is None:
        found = row_costs(row_config(index, weight_bits))
        results.put(__name__, key, settings, found)
    return found


def bits_costs() -> list[dict[str, Any]]:
    """An entry a format and density, of the formats that store every mask."""
    storing = [index for index in CANDIDATES if not isinstance(index, Dense | NM)]
    return [
        {
            "format": entry["index"],
            "density": entry["density"],
            "bits": entry["bits"],
            "bits_over_entropy": entry["over_floor"],
            "cycles_per_nonzero": entry["cycles"],
        }
        for index in storing
        for density in DENSITIES
        for entry in [stored_bits(index, density)]
    ]
