"""Cycles of whole networks, each on the fastest array of its rows and 16 lanes, dense and sparse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.array.cycles import CANDIDATES
from benchmarks.array.networks import NetworkCase
from benchmarks.results import Results
from compress.base.digests import digest_of_file
from compress.base.errors import CodesignError
from flows.search.array_choice import ArrayChoice
from flows.search.array_search import best_array, scheduled
from flows.search.layer_load import LayerLoad
from flows.search.shapes import Shape, shape_for
from flows.synthesis.area import least_logic_area
from flows.technology.technology import generic_technology
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense

__all__ = ["LANES", "network_entry"]

LANES = 16
CHAINS = ((1, 1), (2, 1), (1, 2), (1, 4), (2, 2), (2, 4))
"""Depth and subarrays."""

REQUANTIZERS = (1, 2, 4, 8, 16)
ACC_BITS = 24

ABOUT = 1.01
"""Times this close count as equal."""


def network_entry(case: NetworkCase, results: Results) -> dict[str, Any]:
    """The chosen arrays and every layer's cycles; ``missing`` says why it could not be measured."""
    entry = {"name": case.name, "about": case.about, "rows": case.rows, "lanes": LANES}
    try:
        files = case.paths()
    except CodesignError as error:
        return {**entry, "missing": error.cause}
    settings = {"files": [digest_of_file(path) for path in files], "rows": case.rows, "about": case.about}
    key = f"array-network-{case.name}"
    if (found := results.get(__name__, key, settings)) is None:
        found = {**entry, **_measured(case, case.loads(files))}
        results.put(__name__, key, settings, found)
    return found


def _measured(case: NetworkCase, loads: Sequence[LayerLoad]) -> dict[str, Any]:
    template = ArrayConfig(case.rows, LANES, case.weight_bits, acc_bits=ACC_BITS)
    sparse_formats = [index for index in CANDIDATES if not isinstance(index, Dense)]
    sparse = _fastest(loads, [template.with_index(index) for index in sparse_formats])
    everything = [load.dense() for load in loads]
    dense = _fastest(everything, [template.with_index(Dense())])
    layers = [_layer(load, dense.cycles[load.name], sparse.cycles[load.name]) for load in loads]
    ideal = sum(layer["cycles_ideal"] / load.batch for layer, load in zip(layers, loads, strict=True))
    return {
        "dense": _array(dense),
        "sparse": _array(sparse),
        "logic_ratio": sparse.logic_area / dense.logic_area,
        "speedup": dense.cycles_per_sample / sparse.cycles_per_sample,
        "speedup_times_density": ideal / sparse.cycles_per_sample,
        "layers": layers,
    }


def _fastest(loads: Sequence[LayerLoad], templates: Sequence[ArrayConfig]) -> ArrayChoice:
    """The array with the least logic of those that are within ``ABOUT`` of the fastest.

    Of all formats, and in the fastest one's format of all numbers of requantizers and chains.
    """
    rows = templates[0].rows
    shapes = [
        Shape(rows, LANES, requant, depth, subarrays)
        for requant in REQUANTIZERS
        for depth, subarrays in CHAINS
        if rows % subarrays == 0
    ]
    technology, everywhere = generic_technology(), float("inf")
    fastest = best_array(loads, templates, technology, everywhere, shapes)
    assert fastest is not None
    template = templates[0].with_index(fastest.config.index)

    def logic(shape: Shape) -> float:
        return least_logic_area(template.replace(**asdict(shape)), technology)

    for shape in sorted(dict.fromkeys(shape_for(shape, template) for shape in shapes), key=logic):
        choice = best_array(loads, [template], technology, everywhere, [shape])
        if choice is not None and choice.time_per_sample <= ABOUT * fastest.time_per_sample:
            return scheduled(choice, loads)
    return scheduled(fastest, loads)


def _array(choice: ArrayChoice) -> dict[str, Any]:
    config = choice.config
    return {
        "format": str(config.index),
        "requant_lanes": config.requant_lanes,
        "chain_depth": config.chain_depth,
        "subarrays": config.subarrays,
        "logic_area_ge": choice.logic_area,
        "clock_fo4": choice.clock_period,
        "set_by": choice.critical,
        "cycles_per_sample": choice.cycles_per_sample,
    }


def _layer(load: LayerLoad, dense: int, sparse: int) -> dict[str, Any]:
    """``cycles_ideal``: as many as if a nonzero cost what a weight costs the dense array."""
    density = float(load.mask.mean())
    return {
        "name": load.name,
        "channels": load.geometry.weight_shape[1],
        "filters": load.geometry.weight_shape[0],
        "kernel": list(load.geometry.weight_shape[2:]),
        "density": density,
        "cycles_dense": dense,
        "cycles_sparse": sparse,
        "cycles_ideal": dense * density,
        "speedup": dense / sparse,
        "speedup_times_density": dense * density / sparse,
    }
