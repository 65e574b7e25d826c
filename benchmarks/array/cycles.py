"""Cycles and stored bits of a layer in every index format, from the exact cycle model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.array.cases import Case, Mask, group_geometry, group_masks, layer_sizes
from benchmarks.results import Results
from compress.base.errors import CodesignError
from flows.search import formats
from flows.search.formats import FormatCost
from rtl.config import ArrayConfig
from rtl.formats.bitmap import Bitmap
from rtl.formats.decompress import Decompress
from rtl.formats.dense import Dense
from rtl.formats.fixed import Fixed
from rtl.formats.index_format import IndexFormat
from rtl.formats.nm import NM
from rtl.formats.registry import parse_index
from rtl.formats.rice import Rice
from sim.mapping.cycles import Chain
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.schedule import group_schedule

__all__ = ["CANDIDATES", "Load", "case_cycles", "cycles_entry", "format_costs", "quickest"]

CANDIDATES: tuple[IndexFormat, ...] = (
    Dense(),
    Fixed(4),
    Fixed(6),
    Fixed(8),
    Bitmap(8),
    Bitmap(16),
    Rice(7),
    NM(2, 4),
    Decompress(),
)
Load = tuple[ArrayGeometry, Mask, int]
"""Sizes, mask and batch of what the array runs at a time."""


def case_cycles(case: Case, results: Results) -> dict[str, Any]:
    """The entry of one case; its groups run one after the other."""
    settings = {"case": asdict(case)}
    key = f"array-{case.name}"
    if (found := results.get(__name__, key, settings)) is None:
        sizes = layer_sizes(case.layer)
        loads = [(group_geometry(sizes), mask, 1) for mask in group_masks(sizes, case)]
        costs = {str(index): format_costs(loads, index, case) for index in CANDIDATES}
        best = quickest(costs)
        found = {
            **cycles_entry(case.layer, case.mask, case.weight_bits, loads, costs, best, case),
            "density_asked": case.density,
            "groups": sizes.groups,
        }
        results.put(__name__, key, settings, found)
    return found


def format_costs(loads: Sequence[Load], index: IndexFormat, case: Case) -> dict[str, Any]:
    """Cycles a sample and stored bits of ``loads`` in one format, or why it refuses them."""
    array = ArrayConfig(case.rows, case.lanes, case.weight_bits).with_index(index)
    cycles, bits = 0.0, 0
    try:
        for geometry, mask, batch in loads:
            schedule = group_schedule(mask, geometry, array, batch, even=True)
            cycles += schedule.cycles(Chain.of(array)) / batch
            bits += schedule.weight_words * array.word_bits
    except CodesignError as error:
        return {"refused": error.cause}
    return {"cycles": cycles, "stored_bits": bits}


def quickest(costs: Mapping[str, Mapping[str, Any]]) -> str:
    """``flows.search.formats.quickest`` of the sparse formats that store the layer."""
    return formats.quickest(
        {
            name: FormatCost(cost["cycles"], cost["stored_bits"])
            for name, cost in costs.items()
            if "refused" not in cost and not isinstance(parse_index(name), Dense)
        }
    )


def cycles_entry(
    name: str,
    mask: str,
    weight_bits: int,
    loads: Sequence[Load],
    costs: Mapping[str, Mapping[str, Any]],
    index: str,
    case: Case,
) -> dict[str, Any]:
    """What all entries of ``layers`` share; nothing was simulated yet."""
    everything = [(geometry, np.ones_like(kept), batch) for geometry, kept, batch in loads]
    dense = format_costs(everything, Dense(), case)
    nonzeros, weights = (sum(int(m.sum()) for _, m, _ in loads), sum(m.size for _, m, _ in loads))
    macs = sum(geometry.macs for geometry, _, _ in loads)
    speedup = dense["cycles"] / costs[index]["cycles"]
    return {
        "name": name,
        "density": nonzeros / weights,
        "mask": mask,
        "format": index,
        "weight_bits": weight_bits,
        "rows": case.rows,
        "lanes": case.lanes,
        "weights": weights,
        "nonzeros": nonzeros,
        "macs_dense": macs,
        "cycles_dense": dense["cycles"],
        "cycles_sparse": costs[index]["cycles"],
        "speedup": speedup,
        "speedup_times_density": speedup * nonzeros / weights,
        "dense_utilization": macs / (dense["cycles"] * case.rows * case.lanes),
        "bits_dense": weights * weight_bits,
        "bits_sparse": costs[index]["stored_bits"],
        "formats": dict(costs),
        "rtl_equals_golden": None,
        "model_equals_rtl": None,
        "simulated_cycles_per_second": None,
        "rtl_note": "cycles from the model; not among the layers that are simulated",
    }
