"""Choose the array for the compressed network within the dense array's area, and emit its Verilog."""

from __future__ import annotations

from typing import Any

from codesign.loop.accumulators import widest_accumulator
from codesign.loop.stage import Stage
from codesign.loop.stages import quantization
from codesign.loop.stages.common import batch_of, dense_array, section, technology
from codesign.loop.workspace import Workspace
from compress.base.errors import CodesignError
from compress.model.compressed_model import CompressedModel
from compress.model.layer import CompressedLayer
from compress.model.model_file import load_model
from flows.search.array_choice import ArrayChoice
from flows.search.array_search import best_array, holding_array, scheduled
from flows.search.layer_load import LayerLoad
from flows.technology.technology import Technology
from rtl.config import ArrayConfig
from rtl.formats.registry import parse_index
from rtl.generate import FILES, generate
from sim.golden.golden import accumulator_bits
from sim.mapping.geometry import ArrayGeometry

__all__ = ["ARRAY_FILES", "STAGE", "accumulator_bits_of", "loads_of"]

ARRAY_FILES = tuple(f"array/{name}" for name in FILES)


def accumulator_bits_of(model: CompressedModel) -> int:
    """The fewest signed bits that hold every partial sum of every layer, and that an array has."""
    return widest_accumulator({layer.name: accumulator_bits(layer) for layer in model.layers})


def loads_of(workspace: Workspace, model: CompressedModel) -> list[LayerLoad]:
    """Every layer with its mask and the samples it runs at a time."""
    return [_load(workspace, layer) for layer in model.layers]


def _load(workspace: Workspace, layer: CompressedLayer) -> LayerLoad:
    return LayerLoad(layer.name, ArrayGeometry.of(layer), layer.levels != 0, batch_of(workspace, layer.kind))


def _run(workspace: Workspace) -> None:
    model = load_model(workspace.path("model.safetensors"))
    loads, library, hardware = loads_of(workspace, model), technology(workspace), workspace.config.hardware
    weight_bits = max(layer.weight_bits for layer in model.layers)
    reference = dense_array(workspace, weight_bits, accumulator_bits_of(model))
    dense_loads = [load.dense() for load in loads]
    holding = holding_array(dense_loads, reference, library)
    budget = holding.area
    dense = scheduled(best_array(dense_loads, [reference], library, budget) or holding, dense_loads)
    chosen = dense
    if not all(load.mask.all() for load in loads):
        templates = [reference.replace(index=parse_index(text)) for text in hardware.indices]
        chosen = _sparse(loads, templates, library, budget)
    generate(chosen.config, workspace.path("array"))
    workspace.write_json("array_choice.json", _as_json(dense, chosen, budget, library.describe()))


def _sparse(loads: list[LayerLoad], templates: list[ArrayConfig], library: Technology, budget: float) -> ArrayChoice:
    choice = best_array(loads, templates, library, budget)
    if choice is None:
        raise CodesignError(
            f"no sparse array with {' or '.join(str(t.index) for t in templates)} indices fits the dense array's "
            f"area {budget:.0f}",
            "allow more area (hardware.rows, hardware.lanes) or prune further (compress.tolerance)",
        )
    return scheduled(choice, loads)


def _as_json(dense: ArrayChoice, chosen: ArrayChoice, budget: float, library: dict[str, Any]) -> dict[str, Any]:
    return {"budget": budget, "dense": dense.to_dict(), "chosen": chosen.to_dict(), "technology": library}


def _settings(workspace: Workspace) -> Any:
    return {**section(workspace, "hardware"), "technology": technology(workspace).describe()}


STAGE = Stage(
    name="array",
    title="choose the array and emit its Verilog",
    command="codesign generate",
    settings=_settings,
    inputs=("model.safetensors",),
    outputs=(*ARRAY_FILES, "array_choice.json"),
    packages=("rtl", "sim", "flows"),
    run=_run,
    after=(quantization.STAGE,),
)
