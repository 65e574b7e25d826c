"""Layers on the simulated Verilog, every output and every cycle count compared."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import reduce
from math import sqrt
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.array.cases import Case, Mask, group_masks, layer_sizes
from benchmarks.array.cycles import CANDIDATES, cycles_entry, format_costs, quickest
from benchmarks.papers import ALEXNET_LAYERS
from benchmarks.results import Results
from compress.base.digests import digest_of_file
from compress.model.layer import CompressedLayer, LayerKind, largest_level
from compress.model.requantization import Requantization
from compress.networks.layers import LayerGeometry
from compress.storage.archive import read_model
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense
from rtl.formats.index_format import IndexFormat
from rtl.formats.registry import parse_index
from sim.golden.golden import accumulator_bits, layer_inputs
from sim.mapping.cycles import Chain, layer_cycles
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.pack import PackedLayer
from sim.mapping.plan import Depths
from sim.mapping.schedule import group_schedule
from sim.mapping.tiles import tile_layer
from sim.simulate.build import build_array
from sim.simulate.runner import LayerOutcome, LayerRun, run_layers

__all__ = ["Simulate", "Simulated", "model_layers", "on_verilog", "proven_accumulator", "rtl_members", "simulate_case"]

MODEL_REPEATS = 5
Simulated = tuple[list[LayerOutcome], float]
Simulate = Callable[[ArrayConfig, Sequence[LayerRun], Path], Simulated]
"""Outcomes of the runs on an array whose Verilog goes to a folder, and the seconds its compilation took."""


def on_verilog(config: ArrayConfig, runs: Sequence[LayerRun], folder: Path) -> Simulated:
    """By cocotb; an array that was compiled before takes no compilation."""
    start = time.perf_counter()
    built = build_array(config, folder)
    compiled = time.perf_counter() - start
    return run_layers(built, runs), compiled


def simulate_case(case: Case, index: str, results: Results, simulate: Simulate = on_verilog) -> dict[str, Any]:
    """An entry of ``rtl``: all groups of an AlexNet layer, one image of random activations."""
    settings = {"case": asdict(case), "index": index}
    key = f"array-rtl-{case.name}-{index}"
    if (found := results.get(__name__, key, settings)) is not None:
        return found
    sizes = layer_sizes(case.layer)
    form = parse_index(index)
    masks = group_masks(sizes, case)
    if isinstance(form, Dense):
        masks = [np.ones_like(mask) for mask in masks]
    layers = [_random_layer(f"{case.layer}.{group}", sizes, mask, case) for group, mask in enumerate(masks)]
    config = _config(layers, form, case, [1] * len(layers))
    rng = np.random.default_rng(case.seed)
    runs = [
        LayerRun(tile_layer(layer, config), rng.integers(0, 256, (1, *layer.input_shape)).astype(np.uint8))
        for layer in layers
    ]
    outcomes, compiled = simulate(config, runs, results.path("arrays", f"{key}", "x").parent)
    result = {
        "name": case.layer,
        "density": float(np.mean([mask.mean() for mask in masks])),
        "mask": "dense" if isinstance(form, Dense) else case.mask,
        "format": index,
        "weight_bits": case.weight_bits,
        "rows": case.rows,
        "lanes": case.lanes,
        "images": 1,
        **rtl_members(outcomes, _packed(runs)),
        "compile_seconds": compiled,
    }
    if result["rtl_equals_golden"] and result["model_equals_rtl"]:  # a failure is tried again
        results.put(__name__, key, settings, result)
    return result


def proven_accumulator(weight_bits: int) -> int:
    """Bits that hold every partial sum of CONV2-5 with random masks of Table 8's densities and random levels."""
    cases = [Case(name, paper.density, "random", weight_bits) for name, paper in ALEXNET_LAYERS.items()]
    return max(
        accumulator_bits(_random_layer(f"{case.layer}.{group}", layer_sizes(case.layer), mask, case))
        for case in cases
        for group, mask in enumerate(group_masks(layer_sizes(case.layer), case))
    )


def _packed(runs: Sequence[LayerRun]) -> list[PackedLayer]:
    return [part.packed for run in runs for part in run.tiling.runs]


def rtl_members(outcomes: Sequence[LayerOutcome], packed: Sequence[PackedLayer]) -> dict[str, Any]:
    """What was compared and how long it took, added up over ``outcomes``."""
    seconds = sum(outcome.seconds for outcome in outcomes)
    simulated = sum(outcome.simulated_cycles for outcome in outcomes)
    model, planning = _model_seconds(packed)
    return {
        "outputs_compared": sum(outcome.outputs_compared for outcome in outcomes),
        "mismatches": sum(outcome.mismatches for outcome in outcomes),
        "first_mismatch": next((outcome.first_mismatch for outcome in outcomes if outcome.mismatches), ""),
        "rtl_equals_golden": all(outcome.bit_exact for outcome in outcomes),
        "model_equals_rtl": all(outcome.cycle_exact for outcome in outcomes),
        "cycles_rtl": sum(sum(outcome.cycles) for outcome in outcomes),
        "cycles_model": sum(outcome.model_cycles * len(outcome.cycles) for outcome in outcomes),
        "simulated_cycles": simulated,
        "seconds": seconds,
        "simulated_cycles_per_second": simulated / seconds,
        "model_seconds": model,
        "plan_seconds": planning,
        "model_speed_ratio": seconds / model,
        "plan_and_model_speed_ratio": seconds / (model + planning),
    }


def _model_seconds(packed: Sequence[PackedLayer]) -> tuple[float, float]:
    """Of the cycle model for laid-out layers, and of laying their masks out: medians."""
    model, planning = [], []
    for _ in range(MODEL_REPEATS):
        start = time.perf_counter()
        for one in packed:
            layer_cycles(one.plan, Chain.of(one.config))
        middle = time.perf_counter()
        for one in packed:
            layer, plan = one.layer, one.plan
            group_schedule(layer.levels != 0, plan.layout.geometry, one.config, plan.layout.batch, even=True)
        model.append(middle - start)
        planning.append(time.perf_counter() - middle)
    return median(model), median(planning)


def model_layers(
    path: Path, results: Results, simulate: Simulate = on_verilog, rows: int = 4, lanes: int = 16
) -> list[dict[str, Any]]:
    """Entries of ``layers`` of a trained network: one array for all, in the format that is quickest for their sum.

    The first layer reads random activations, the others what the golden model makes of them; a Linear layer runs
    ``lanes`` samples at a time, a convolution one.
    """
    settings = {"model": digest_of_file(path), "rows": rows, "lanes": lanes}
    key = f"array-rtl-{path.stem}"
    if (found := results.get(__name__, key, settings)) is not None:
        return list(found["layers"])
    model = read_model(path)
    batches = [lanes if layer.kind is LayerKind.LINEAR else 1 for layer in model.layers]
    case = Case("network", 0.0, "trained", max(layer.weight_bits for layer in model.layers), rows, lanes)
    loads = [
        (ArrayGeometry.of(layer).on(lanes, 1), layer.levels != 0, batch)
        for layer, batch in zip(model.layers, batches, strict=True)
    ]
    index = quickest({str(index): format_costs(loads, index, case) for index in CANDIDATES})
    config = _config(model.layers, parse_index(index), case, batches)
    first = model.layers[0]
    rng = np.random.default_rng(case.seed)
    images = rng.integers(0, 1 << first.act_bits, (lanes, *model.input_shape)).astype(np.int16)
    inputs = layer_inputs(model, images)
    runs = [
        LayerRun(tile_layer(layer, config, batch), inputs[layer.name][:batch])
        for layer, batch in zip(model.layers, batches, strict=True)
    ]
    outcomes, compiled = simulate(config, runs, results.path("arrays", key, "x").parent)
    entries = []
    for layer, load, run, outcome in zip(model.layers, loads, runs, outcomes, strict=True):
        costs = {str(other): format_costs([load], other, case) for other in CANDIDATES}
        entry = cycles_entry(f"{path.stem}:{layer.name}", "trained", case.weight_bits, [load], costs, index, case)
        members = rtl_members([outcome], _packed([run]))
        entries.append({**entry, **members, "rtl_note": None, "groups": 1, "compile_seconds": compiled})
    if all(entry["rtl_equals_golden"] and entry["model_equals_rtl"] for entry in entries):
        results.put(__name__, key, settings, {"layers": entries})
    return entries


def _config(layers: Sequence[CompressedLayer], index: IndexFormat, case: Case, batches: Sequence[int]) -> ArrayConfig:
    """An array that just holds the layers."""
    array = ArrayConfig(
        rows=case.rows,
        lanes=case.lanes,
        weight_bits=case.weight_bits,
        act_bits=layers[0].act_bits,
        acc_bits=max(12, *(accumulator_bits(layer) for layer in layers)),
    ).with_index(index)
    depths = [
        group_schedule(layer.levels != 0, ArrayGeometry.of(layer), array, batch, even=True).depths
        for layer, batch in zip(layers, batches, strict=True)
    ]
    return array.replace(**vars(reduce(Depths.largest, depths)))


def _random_layer(name: str, sizes: LayerGeometry, mask: Mask, case: Case) -> CompressedLayer:
    """Random levels and biases; signed outputs, scaled so that few of them saturate."""
    rng = np.random.default_rng([case.seed, *name.encode()])
    top = largest_level(case.weight_bits)
    levels = (rng.integers(1, top + 1, mask.shape) * rng.choice([-1, 1], mask.shape) * mask).astype(np.int16)
    deviation = sqrt(float((levels.astype(np.int64) ** 2).sum()) / len(levels)) * 148  # 148: root mean square of 0..255
    return CompressedLayer(
        name=name,
        kind=LayerKind.CONV2D,
        levels=levels,
        weight_bits=case.weight_bits,
        interval=1.0,
        bias=rng.integers(-1000, 1001, len(levels)).astype(np.int32),
        input_shape=(mask.shape[1], *sizes.input_shape[1:]),
        requantization=Requantization.from_scale(50 / max(deviation, 1.0)),
        input_scale=1.0,
        output_scale=1.0,
        stride=sizes.stride,
        padding=sizes.padding,
        relu=False,
    )
