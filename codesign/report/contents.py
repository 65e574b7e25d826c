"""report.json: every figure of a run in one documented, versioned file (docs/report.md)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codesign.loop.stages.common import batch_of, read_network
from codesign.loop.workspace import Workspace, read_json
from codesign.report.page import write_page
from codesign.versions import versions
from compress.base.errors import CodesignError
from compress.base.files import read_text
from compress.model.compressed_model import CompressedModel
from compress.model.layer import CompressedLayer
from compress.model.model_file import load_model
from compress.networks.chain import prunable_layers
from rtl.config import ArrayConfig
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.schedule import make_schedule

__all__ = ["SCHEMA", "SCHEMA_VERSION", "assemble", "read_report", "write_report"]

SCHEMA = "codesign-report"
SCHEMA_VERSION = 2
HISTOGRAM_BINS = 60
CURVE_KEYS = (
    "pruned_portion",
    "speedup",
    "rows",
    "lanes",
    "requant_lanes",
    "area",
    "clock",
    "cycles",
    "index",
    "critical",
)


def write_report(workspace: Workspace, command: str = "") -> dict[str, Any]:
    """Assemble report.json from the files of the stages, and write it with report.html and the pictures."""
    report = assemble(workspace, command)
    workspace.write_json("report.json", report)
    write_page(report, workspace.folder)
    return report


def read_report(path: Path) -> dict[str, Any]:
    """Read a report.json, given itself or its folder; a foreign or damaged one is a CodesignError."""
    file = path / "report.json" if path.is_dir() else path
    report = read_json(file, "codesign run")
    schema = report.get("schema", {}) if isinstance(report, dict) else {}
    if schema != {"name": SCHEMA, "version": SCHEMA_VERSION}:
        raise CodesignError(
            f"{file} is no {SCHEMA} of version {SCHEMA_VERSION}", "write it with this version's `codesign run`"
        )
    return dict(report)


def assemble(workspace: Workspace, command: str) -> dict[str, Any]:
    """The report of a workspace whose stages are all finished."""
    model = load_model(workspace.path("model.safetensors"))
    files = {name: workspace.read_json(f"{name}.json", "codesign run") for name in _FILES}
    curves = files["break_even"]["curves"]
    technology = files["break_even"]["technology"]
    config = workspace.config
    layers = [_layer(workspace, layer, files, curves) for layer in model.layers]
    return {
        "schema": {"name": SCHEMA, "version": SCHEMA_VERSION},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "seed": config.seed,
        "network": config.network.name,
        "data": {"name": config.data.name, "images": files["training"]["images"]},
        "settings": config.model_dump(),
        "versions": {**versions(), "simulator": files["simulation"]["simulator"]},
        "technology": technology,
        "units": {"area": technology["area_unit"], "time": technology["time_unit"], "clock": technology["time_unit"]},
        "accuracy": files["accuracy"],
        "layers": layers,
        "break_even": [_curve(curve) for curve in curves],
        "alphas": files["alphas"],
        "array": _array(files["array_choice"]),
        "rtl": files["simulation"],
        "storage": _storage(layers, files["array_choice"]),
        "admm": {"prune": files["pruning"]["history"], "quantize": files["quantization"]["history"]},
        "training": {
            "train": files["training"]["history"],
            "prune": files["pruning"]["retraining"],
            "quantize": files["quantization"]["retraining"],
        },
        "histograms": _histograms(workspace, model),
        "admm_histograms": {"prune": files["pruning"]["histograms"], "quantize": files["quantization"]["histograms"]},
        "seconds": _seconds(workspace),
    }


_FILES = (
    "training",
    "break_even",
    "alphas",
    "pruning",
    "quantization",
    "array_choice",
    "simulation",
    "accuracy",
)


def _layer(
    workspace: Workspace, layer: CompressedLayer, files: dict[str, Any], curves: list[dict[str, Any]]
) -> dict[str, Any]:
    """One row of the per-layer table; ``speedup`` is the dense array's time over the chosen one's, in equal area."""
    dense, chosen = files["array_choice"]["dense"], files["array_choice"]["chosen"]
    cycles = files["simulation"]["cycles"][layer.name]
    batch = batch_of(workspace, layer.kind)
    dense_time = dense["cycles"][layer.name] * dense["clock_period"] / batch
    time = cycles * chosen["clock_period"] / batch
    config = ArrayConfig.from_dict(chosen["config"])
    return {
        "name": layer.name,
        "kind": layer.kind.value,
        "macs": layer.macs,
        "weights": int(layer.levels.size),
        "nonzeros": layer.nonzeros,
        "weight_bits": layer.weight_bits,
        "alpha": layer.alpha,
        "pruning_ratio": 1 / layer.alpha if layer.nonzeros else None,
        "restored": layer.name in files["alphas"]["restored"],
        "break_even_ratio": next(c["break_even_ratio"] for c in curves if c["layer"] == layer.name),
        "speedup": dense_time / time,
        "dense_time": dense_time,
        "time": time,
        "batch": batch,
        "weight_words": _weight_words(layer, config, batch),
        "utilization": layer.nonzeros * _pixels(layer) * batch / (cycles * config.pes),
    }


def _pixels(layer: CompressedLayer) -> int:
    return layer.conv_shape[1] * layer.conv_shape[2]


def _weight_words(layer: CompressedLayer, config: ArrayConfig, batch: int) -> int:
    """Words in all rows' weight banks, fillers included."""
    return make_schedule(layer.name, layer.levels != 0, ArrayGeometry.of(layer), config, batch).weight_words


def _curve(curve: dict[str, Any]) -> dict[str, Any]:
    """A layer's curve, the dense baseline first with ``pruned_portion`` 0 and ``index`` dense."""
    points = [curve["dense"], *curve["points"]]
    return {
        "layer": curve["layer"],
        "break_even_ratio": curve["break_even_ratio"],
        "indices": curve["indices"],
        "budget": curve["budget"],
        "curve": [{key: point[key] for key in CURVE_KEYS} for point in points],
    }


def _array(choice: dict[str, Any]) -> dict[str, Any]:
    """The two arrays of equal area, and what the network gains from one to the other."""
    return {
        "budget": choice["budget"],
        "dense": choice["dense"],
        "chosen": choice["chosen"],
        "speedup": choice["dense"]["time_per_sample"] / choice["chosen"]["time_per_sample"],
    }


def _storage(layers: list[dict[str, Any]], choice: dict[str, Any]) -> dict[str, Any]:
    """Bits of all weights: as float32, as levels alone, and as the chosen array's words (levels, indices, fillers)."""
    config = ArrayConfig.from_dict(choice["chosen"]["config"])
    return {
        "float32_bits": 32 * sum(layer["weights"] for layer in layers),
        "level_bits": sum(layer["nonzeros"] * layer["weight_bits"] for layer in layers),
        "with_index_bits": config.word_bits * sum(layer["weight_words"] for layer in layers),
    }


def _histograms(workspace: Workspace, model: CompressedModel) -> list[dict[str, Any]]:
    """Weights before (trained) and after (levels times interval; zero is pruned), by layer."""
    before = {
        name: layer.weight.detach().numpy().ravel() for name, layer in prunable_layers(read_network(workspace)).items()
    }
    return [_histogram(layer, before[layer.name]) for layer in model.layers]


def _histogram(layer: CompressedLayer, before: NDArray[np.float32]) -> dict[str, Any]:
    counts, edges = np.histogram(before, HISTOGRAM_BINS)
    levels, level_counts = np.unique(layer.levels, return_counts=True)
    return {
        "layer": layer.name,
        "before": {"edges": [round(float(edge), 6) for edge in edges], "counts": counts.tolist()},
        "after": {"levels": levels.tolist(), "interval": layer.interval, "counts": level_counts.tolist()},
    }


def _seconds(workspace: Workspace) -> dict[str, float]:
    """Wall time of each stage when it ran."""
    records = sorted(workspace.path(".stages").glob("*.json"))
    return {record.stem: json.loads(read_text(record))["seconds"] for record in records}
