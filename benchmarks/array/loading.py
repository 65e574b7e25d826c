"""Share of the cycles in which loads are not hidden behind layers, and what the second buffer costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

from benchmarks.array.network_cycles import ACC_BITS, LANES
from benchmarks.array.networks import NETWORKS
from benchmarks.results import Results
from compress.base.digests import digest_of_file
from compress.storage.archive import read_model
from flows.search.layer_load import LayerLoad
from flows.synthesis.area import measure
from flows.technology.technology import generic_technology
from rtl.config import ArrayConfig
from rtl.formats.registry import parse_index
from sim.makespan.layer_runs import layer_runs
from sim.makespan.makespan import LoadedRun, makespan
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.plan import Depths
from sim.mapping.schedule import group_schedule, make_schedule

__all__ = ["array_loading", "loading_entries", "model_loads"]

NETWORK = "random-4-rows"
"""Of which the arrays are, and whose layers come first."""

ROWS, STREAM_BITS = 4, 64
IMAGES = (2, 4)
"""Of two sequences, whose difference is the time of an image in between."""

QUARTER = 4
"""Of the weight words that a layer needs: banks that small take a layer in several runs of some filters each."""


def loading_entries(networks: Sequence[Mapping[str, Any]], lenet: Path, results: Results) -> list[dict[str, Any]]:
    """CONV2-5 and LeNet-5, image by image, on the sparse and the dense array chosen for CONV2-5.

    Each on three arrays: one buffer; two of as many words; two of a quarter of the weight words each.
    """
    chosen = next((entry for entry in networks if entry["name"] == NETWORK and "sparse" in entry), None)
    if chosen is None:
        return []
    members = ("format", "requant_lanes", "chain_depth", "subarrays")
    arrays = {name: {member: chosen[name][member] for member in members} for name in ("sparse", "dense")}
    settings = {"arrays": arrays, "lenet": digest_of_file(lenet), "stream_bits": STREAM_BITS}
    key = "array-loading"
    if (found := results.get(__name__, key, settings)) is None:
        convolutions = next(case for case in NETWORKS if case.name == NETWORK).loads([])
        loads = [*convolutions, *model_loads(lenet)]
        entries = []
        for name, shape in arrays.items():
            of_array = [load.dense() for load in loads] if name == "dense" else loads
            entries += [{"array": name, **entry} for entry in array_loading(of_array, _config(shape))]
        found = {"entries": entries}
        results.put(__name__, key, settings, found)
    return list(found["entries"])


def _config(shape: Mapping[str, Any]) -> ArrayConfig:
    others = {name: shape[name] for name in ("requant_lanes", "chain_depth", "subarrays")}
    return ArrayConfig(
        ROWS, LANES, acc_bits=ACC_BITS, index=parse_index(shape["format"]), stream_bits=STREAM_BITS, **others
    )


def model_loads(path: Path) -> list[LayerLoad]:
    """The layers of a trained model, one image at a time."""
    layers = read_model(path).layers
    return [LayerLoad(f"lenet5 {layer.name}", ArrayGeometry.of(layer), layer.levels != 0) for layer in layers]


def array_loading(loads: Sequence[LayerLoad], config: ArrayConfig) -> list[dict[str, Any]]:
    """An entry for one buffer, and two for two of them: banks hold every layer, or a quarter of its weights."""
    depths = (group_schedule(load.mask, load.geometry, config, even=True).depths for load in loads)
    one = config.replace(**vars(reduce(Depths.largest, depths)))
    quarter = max(2, one.weight_depth // QUARTER)
    arrays = (one, one.replace(buffers=2), one.replace(buffers=2, weight_depth=quarter))
    return [_entry(loads, array, one) for array in arrays]


def _entry(loads: Sequence[LayerLoad], config: ArrayConfig, one: ArrayConfig) -> dict[str, Any]:
    schedules = {load.name: make_schedule(load.name, load.mask, load.geometry, config) for load in loads}
    runs = {name: list(layer_runs(schedule, config)) for name, schedule in schedules.items()}
    image = [run for of_layer in runs.values() for run in of_layer]
    cycles = _cycles_of_an_image(image, config)
    busy = sum(run.cycles for run in image)
    technology = generic_technology()
    measured, reference = measure(config, technology), measure(one, technology)
    return {
        "format": str(config.index),
        "buffers": config.buffers,
        "weight_depth": config.weight_depth,
        "activation_depth": config.activation_depth,
        "runs": len(image),
        "cycles": cycles,
        "cycles_busy": busy,
        "share_of_loading": 1 - busy / cycles,
        "layers": {name: _share(of_layer, config) for name, of_layer in runs.items()},
        "logic_area_ge": measured.logic_area,
        "sram_area_ge": measured.sram_area,
        "logic_added": measured.logic_area / reference.logic_area - 1,
        "area_added": measured.area / reference.area - 1,
    }


def _share(runs: Sequence[LoadedRun], config: ArrayConfig) -> float:
    """Of a layer that is run again and again, loaded each time."""
    return 1 - sum(run.cycles for run in runs) / _cycles_of_an_image(runs, config)


def _cycles_of_an_image(runs: Sequence[LoadedRun], config: ArrayConfig) -> float:
    """In the steady state; the second sequence has more images than the first."""
    few, many = IMAGES
    totals = [makespan(config, list(runs) * images).total for images in IMAGES]
    return (totals[1] - totals[0]) / (many - few)
