"""What a row costs by the width and the kind of its levels, in the generic library and in Nangate 45."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from benchmarks.array.formats import row_area, row_config
from benchmarks.array.verilog import proven_accumulator
from benchmarks.results import Results
from flows.synthesis.area import measure
from flows.technology.technology import Technology, generic_technology, technology_from_liberty
from rtl.formats.fixed import Fixed

__all__ = ["GENERIC", "NANGATE45", "width_costs"]

GENERIC, NANGATE45 = "generic library", "Nangate 45"

_LIBERTY = "nangate45/nangate45_typ.lib.gz"
_LEVELS = (("linear", 8), ("linear", 4), ("linear", 2), ("powers", 4))


def width_costs(results: Results) -> list[dict[str, Any]]:
    """A row in ``fixed4`` by level kind and bits, its accumulators as wide as CONV2-5 are proven to need.

    Powers of two of 4 bits reach as far as linear levels of 8 bits, and get their accumulators. In Nangate 45 too,
    where CODESIGN_PDK names a folder that has it.
    """
    return [
        _entry(library, technology, levels, bits, results)
        for library, technology in _technologies().items()
        for levels, bits in _LEVELS
    ]


def _technologies() -> dict[str, Technology]:
    found = {GENERIC: generic_technology()}
    liberty = Path(os.environ.get("CODESIGN_PDK", "")) / _LIBERTY
    if liberty.is_file():
        found[NANGATE45] = technology_from_liberty(liberty)
    return found


def _entry(library: str, technology: Technology, levels: str, bits: int, results: Results) -> dict[str, Any]:
    acc_bits = proven_accumulator(8 if levels == "powers" else bits)
    config = row_config(Fixed(4), bits).replace(levels=levels, acc_bits=acc_bits)
    key, settings = f"array-width-{library}-{levels}-{bits}bit", {"config": config.to_dict()}
    if (entry := results.get(__name__, key, settings)) is None:
        measured = measure(config, technology)
        entry = {
            "library": library,
            "levels": levels,
            "weight_bits": bits,
            "acc_bits": acc_bits,
            "row_area": round(row_area(measured, config.rows)),
            "area_unit": technology.area_unit,
            "clock": round(measured.clock_period, 3),
            "time_unit": technology.time_unit,
            "set_by": measured.critical,
        }
        results.put(__name__, key, settings, entry)
    return entry
