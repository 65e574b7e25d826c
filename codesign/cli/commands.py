"""What each command does: call the package, then print the result in a few lines or as JSON."""

from __future__ import annotations

import json as json_format
import shlex
import sys
from math import ceil, isfinite
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from codesign.console import RunConsole
from codesign.loop.evaluate import evaluate_model
from codesign.loop.figures import BreakEvenResult
from codesign.loop.file_names import MODEL, NETWORK
from codesign.loop.generation import ArrayOptions, array_and_cycles
from codesign.loop.model_data import data_of, load_test_split
from codesign.loop.pipeline import BREAK_EVEN, COMPRESSION, TRAIN
from codesign.loop.stage import Stage, run_stages
from codesign.loop.stages.training import TrainingResult
from codesign.loop.verify import simulate_model
from codesign.loop.workspace import Workspace
from codesign.report.contents import read_report
from codesign.report.page import write_page
from codesign.report.report import Report
from codesign.run import run_loop
from codesign.settings.run_file import load_config
from compress.base.errors import CodesignError
from compress.exchange.formats import export_model
from compress.exchange.imports import import_model
from compress.model.model_file import load_model, save_model
from compress.storage.archive import read_model
from flows.synthesis.area import ModuleCost, SramCost, measure
from flows.technology.technology import generic_technology, technology_from_liberty
from rtl.generate import generate as generate_array
from rtl.generate import load_config as load_array
from rtl.names import ACCELERATOR, TOP, ModuleNames

__all__ = [
    "breakeven",
    "compress",
    "evaluate",
    "export",
    "generate",
    "import_",
    "report",
    "run",
    "simulate",
    "synthesize",
    "train",
]

_TOPS = {"array": TOP, "axi": ACCELERATOR}


def train(config: Path, out: Path, quick: bool, fresh: bool, json: bool) -> None:
    """Train the dense network."""
    result = _stages((TRAIN,), config, out, quick, fresh).result(TrainingResult)
    metric = result.metric
    told = f"validation {metric.name} {metric.told(result.validation_accuracy)}"
    _show(result.to_json(), json, f"{told}\n{out / NETWORK}")


def breakeven(config: Path, out: Path, quick: bool, fresh: bool, json: bool) -> None:
    """Measure the break-even curves."""
    workspace = _stages((BREAK_EVEN,), config, out, quick, fresh)
    result = workspace.result(BreakEvenResult)
    if json:
        _show(result.to_json(), True, "")
        return
    portions = sorted(workspace.config.breakeven.portions)
    table = Table("layer", "break-even ratio", *[f"{100 * portion:.0f} %" for portion in portions])
    for curve in result.curves:
        speedups = {point.pruned_portion: point.speedup for point in curve.points}
        told = [_speedup(speedups[portion]) for portion in portions]
        table.add_row(curve.layer, str(curve.break_even_ratio), *told)
    Console().print(table)


def _speedup(speedup: float | None) -> str:
    return "does not fit" if speedup is None else f"{speedup:.2f}"


def compress(config: Path, out: Path, quick: bool, fresh: bool, json: bool) -> None:
    """Choose alphas, prune, quantize, write the model."""
    _stages(COMPRESSION, config, out, quick, fresh)
    model = load_model(out / MODEL)
    layers = [
        {"name": layer.name, "weights": layer.weights, "nonzeros": layer.nonzeros, "alpha": layer.alpha}
        for layer in model.layers
    ]
    lines = [f"{layer['name']}: {layer['nonzeros']} of {layer['weights']} weights kept" for layer in layers]
    _show(
        {"model": str(out / MODEL), "layers": layers},
        json,
        "\n".join([*lines, str(out / MODEL)]),
    )


def evaluate(model: Path, data: str | None, folder: Path | None, json: bool) -> None:
    """Accuracy and size of a model."""
    console = RunConsole()
    with console.stage("evaluate"):
        found = evaluate_model(model, data, folder, console.progress)
    if json:
        _show(found.to_dict(), True, "")
        return
    print(f"accuracy      {found.accuracy:.2%} of {found.test_images:,} test images of {found.data}, in integers")
    table = Table("layer", "weights kept", "of", "ratio", "bits per weight")
    content = found.to_dict()
    network = {**content, "name": "network", "weight_bits": f"{found.storage.bits_per_weight:.2f}"}
    for part in (*content["layers"], network):
        kept, weights = f"{part['kept']:,}", f"{part['weights']:,}"
        table.add_row(part["name"], kept, weights, _ratio(part["ratio"]), str(part["weight_bits"]))
    Console().print(table)
    storage = found.storage
    print(f"weights alone {ceil(storage.data_bits / 8):,} bytes, {_ratio(storage.data_ratio)} below 32-bit floats")
    print(f"with indices  {ceil(storage.total_bits / 8):,} bytes, {_ratio(storage.total_ratio)}")
    print(f"packed file   {found.packed_bytes:,} bytes, {_ratio(found.packed_ratio)}")


def export(model: Path, out: Path, format: str | None, json: bool) -> None:
    """Write a model for other programs."""
    written = export_model(read_model(model), out, format)
    _show({"file": str(out), "format": written.name}, json, f"{out}: {written.summary}")


def import_(file: Path, out: Path, json: bool) -> None:
    """Read a model of another program."""
    if out.suffix != ".safetensors":
        raise CodesignError(
            f"--out {out}: a model is a .safetensors file", f"give --out {out.with_suffix('.safetensors')}"
        )
    model = import_model(file)
    save_model(model, out)
    told = [f"{layer.name}: {layer.nonzeros} of {layer.weights} weights kept" for layer in model.layers]
    _show({"model": str(out), "layers": [layer.name for layer in model.layers]}, json, "\n".join([*told, str(out)]))


def generate(
    model: Path | None, out: Path, preset: str | None, options: ArrayOptions, linear_batch: int, prefix: str, json: bool
) -> None:
    """Emit a preset's array, the one that a model's run chose, or one whose banks just hold a model."""
    names = ModuleNames(prefix)
    network = None if model is None else read_model(model)
    made = array_and_cycles(network, preset, options, linear_batch, None if model is None else model.parent)
    config = made.config
    _refuse_file(out)
    paths = [str(path) for path in generate_array(config, out, names)]
    lines = [
        *paths,
        f"{config.rows} x {config.lanes} PEs, {config.index}, requant_lanes {config.requant_lanes}, "
        f"chain_depth {config.chain_depth}, subarrays {config.subarrays}: {made.origin}",
    ]
    if made.cycles:
        lines.append("cycles: " + ", ".join(f"{layer} {count}" for layer, count in made.cycles.items()))
    found: dict[str, Any] = {"array": config.to_dict(), "origin": made.origin, "cycles": made.cycles, "files": paths}
    if made.loaded is not None:
        share = made.loaded.share_of_loading
        lines.append(f"one after the other with all loads: {made.loaded.total}, {share:.0%} of them not computing")
        found |= {"cycles_with_loads": made.loaded.total, "share_of_loading": share}
    _show(found, json, "\n".join(lines))


def simulate(
    model: Path,
    array: Path,
    images: int,
    data: str | None,
    folder: Path | None,
    linear_batch: int,
    simulator: str | None,
    through: str,
    json: bool,
) -> None:
    """Simulate a model on an array or through its AXI ports; a difference raises MismatchError at the end."""
    if through not in _TOPS:
        raise CodesignError(f"cannot simulate through {through!r}", f"use one of: {', '.join(_TOPS)}")
    network = read_model(model)
    split = load_test_split(network, data or data_of(network), folder)
    with RunConsole().stage("simulate"):
        result = simulate_model(
            network, array, split.take(images).pixels.numpy(), linear_batch, simulator, _TOPS[through]
        )
    cycles = ", ".join(f"{layer} {count}" for layer, count in result.cycles.items())
    _show(
        result.to_json(),
        json,
        f"{result.outputs_compared} outputs compared, {result.mismatches} mismatches\ncycles: {cycles}",
    )
    result.check()


def synthesize(array: Path, liberty: Path | None, json: bool) -> None:
    """Area and clock of a generated array."""
    technology = generic_technology() if liberty is None else technology_from_liberty(liberty)
    config = load_array(array)
    with RunConsole().stage("synthesize"):
        measured = measure(config, technology)
    if json:
        _show({**measured.to_dict(), "technology": technology.describe()}, True, "")
        return
    table = Table("part", "count", f"area each, {technology.area_unit}", f"period, {technology.time_unit}")
    parts: list[ModuleCost | SramCost] = [*measured.modules, *measured.srams]
    for part in parts:
        table.add_row(part.name, str(part.count), f"{part.area:,.0f}", f"{part.period:.2f}")
    Console().print(table)
    print(
        f"area {measured.area:,.0f} {technology.area_unit} (SRAM {measured.sram_area:,.0f}), "
        f"clock period {measured.clock_period:.2f} {technology.time_unit}, set by {measured.critical}"
    )


def run(config: Path, out: Path, quick: bool, fresh: bool, json: bool) -> None:
    """The whole loop."""
    result = run_loop(load_config(config, quick), out, RunConsole(), _command_line(), fresh)
    _show(result.to_json(), json, _summary(result, out))


def report(source: Path, out: Path | None, json: bool) -> None:
    """Draw the page and pictures of a report again."""
    content = read_report(source)
    folder = out or (source if source.is_dir() else source.parent)
    _refuse_file(folder)
    paths = write_page(content, folder)
    _show({"files": [str(path) for path in paths]}, json, "\n".join(map(str, paths)))


def _ratio(ratio: float | None) -> str:
    return f"{ratio:,.1f} times" if ratio is not None and isfinite(ratio) else "nothing left"


def _stages(stages: tuple[Stage[Any], ...], config: Path, out: Path, quick: bool, fresh: bool) -> Workspace:
    workspace = Workspace(load_config(config, quick), out, RunConsole())
    run_stages(stages, workspace, fresh)
    return workspace


def _refuse_file(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise CodesignError(f"{folder} is a file, not a folder", "choose another folder with --out")


def _command_line() -> str:
    return shlex.join(["codesign", *sys.argv[1:]])


def _show(result: Any, json: bool, text: str) -> None:
    print(json_format.dumps(result, indent=2) if json else text)


def _summary(result: Report, out: Path) -> str:
    """The figures that matter, and where the rest is."""
    chosen, accuracy = result.array.chosen, result.accuracy
    told = accuracy.metric.told
    lines = [
        f"{accuracy.metric.name:<10} dense {told(accuracy.dense)}, compressed {told(accuracy.compressed)}, "
        f"integer {told(accuracy.integer)}",
        f"array      {chosen.config.rows} x {chosen.config.lanes} PEs in {chosen.area:,.0f} {result.units.area}, "
        f"{result.array.speedup:.2f} times as fast as the best dense array in that area",
        f"verilog    {result.rtl.outputs_compared:,} outputs equal to the golden model",
    ]
    if result.work is not None and result.work.host_share > 0:
        lines.append(f"host       {result.work.host_share:.2%} of the operations of one sample")
    for layer in result.layers:
        kept = "restored to dense" if layer.restored else f"{layer.nonzeros:,} of {layer.weights:,} weights kept"
        lines.append(f"{layer.name:<10} {kept}, {layer.speedup:.2f}x")
    return "\n".join([*lines, f"report     {out / 'report.html'}"])
