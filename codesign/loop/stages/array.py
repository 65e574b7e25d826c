"""Choose the array for the compressed network within the dense array's area, and emit its Verilog."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from codesign.loop.figures import ArrayFigures, FormatFigures, TechnologyFigures
from codesign.loop.file_names import ARRAY, MODEL
from codesign.loop.inputs import Inputs, Work
from codesign.loop.results import Result
from codesign.settings.hardware import HardwareSection, accumulator_bits_of, codes_of
from compress.base.errors import CodesignError
from compress.model.model_file import load_model
from flows.search.array_choice import ArrayChoice
from flows.search.array_search import best_array, holding_array, scheduled
from flows.search.formats import format_costs
from flows.search.layer_load import LayerLoad
from flows.technology.technology import Technology
from rtl.config import ArrayConfig
from rtl.formats.registry import parse_index
from rtl.generate import generate
from sim.mapping.geometry import ArrayGeometry

__all__ = ["ArrayResult", "ArraySettings", "run"]


@dataclass(frozen=True)
class ArraySettings:
    """The dense reference array, the formats to search, and the technology both are measured in."""

    hardware: HardwareSection
    technology: Technology


class ArrayResult(Result):
    """The best dense array and the chosen one, both within ``budget``; the Verilog is of the chosen one.

    ``formats`` has each layer's costs in each format that was searched and can store it, on an array like the chosen
    one; it is empty where the chosen array is dense.
    """

    FILE: ClassVar = "array_choice.json"
    COMMAND: ClassVar = "codesign run"

    budget: float
    dense: ArrayFigures
    chosen: ArrayFigures
    technology: TechnologyFigures
    formats: dict[str, dict[str, FormatFigures]]


def run(inputs: Inputs, settings: ArraySettings, work: Work) -> ArrayResult:
    """Search both arrays and generate the chosen one."""
    model, hardware, library = load_model(inputs.path(MODEL)), settings.hardware, settings.technology
    loads = [
        LayerLoad(layer.name, ArrayGeometry.of(layer), layer.levels != 0, hardware.batch_of(layer.kind))
        for layer in model.layers
    ]
    reference = hardware.dense_array(8, accumulator_bits_of(model)).replace(**codes_of(model))
    dense_loads = [
        LayerLoad.unpruned(layer.name, ArrayGeometry.before_folding(layer), hardware.batch_of(layer.kind))
        for layer in model.layers
    ]
    holding = holding_array(dense_loads, reference, library)
    budget = holding.area
    dense = scheduled(best_array(dense_loads, [reference], library, budget) or holding, dense_loads)
    chosen = dense
    if any(layer.alpha < 1 for layer in model.layers):
        templates = [reference.with_index(parse_index(text)) for text in hardware.indices]
        chosen = _sparse(loads, templates, library, budget)
    generate(chosen.config, work.folder / ARRAY)
    return ArrayResult(
        budget=budget,
        dense=ArrayFigures.of(dense),
        chosen=ArrayFigures.of(chosen),
        technology=TechnologyFigures.of(library),
        formats={} if chosen.config.is_dense else _formats(loads, chosen.config, hardware.indices),
    )


def _formats(loads: list[LayerLoad], array: ArrayConfig, indices: Sequence[str]) -> dict[str, dict[str, FormatFigures]]:
    searched = [parse_index(text) for text in indices]
    return {
        load.name: {
            name: FormatFigures(cycles=cost.cycles, stored_bits=cost.stored_bits)
            for name, cost in format_costs(load, array, searched).items()
        }
        for load in loads
    }


def _sparse(loads: list[LayerLoad], templates: list[ArrayConfig], library: Technology, budget: float) -> ArrayChoice:
    choice = best_array(loads, templates, library, budget)
    if choice is None:
        raise CodesignError(
            f"no sparse array with {' or '.join(str(t.index) for t in templates)} indices fits the dense array's "
            f"area {budget:.0f}",
            "allow more area (hardware.rows, hardware.lanes) or prune further (compress.tolerance)",
        )
    return scheduled(choice, loads)
