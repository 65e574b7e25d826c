"""A small report as ``codesign.report.contents.assemble`` would make it, for tests of what is drawn from it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import torch

from codesign.report.report import SCHEMA, SCHEMA_VERSION, Report
from compress.admm.iteration import AdmmStep
from compress.admm.split_variables import Residual
from compress.train.histograms import weight_histograms
from compress.train.training import EpochRecord
from flows.search.break_even_ratio import BreakEvenRatio

GAINS, LOSES = BreakEvenRatio(1.49, 1.5), BreakEvenRatio(100.0, None)


def _point(portion: float, speedup: float, index: str = "fixed4") -> dict[str, Any]:
    shape = {"rows": 4, "lanes": 8, "requant_lanes": 1, "area": 1000.0, "clock": 30.0, "cycles": 500}
    return {"pruned_portion": portion, "speedup": speedup, **shape, "index": index, "critical": "pe"}


def _unfit(portion: float) -> dict[str, Any]:
    return {"pruned_portion": portion, **dict.fromkeys(key for key in _point(0.0, 1.0) if key != "pruned_portion")}


def _curve(layer: str, speedups: tuple[float, float], ratio: BreakEvenRatio) -> dict[str, Any]:
    points = [_point(0.0, 1.0, "dense"), _unfit(0.1), _point(0.3, speedups[0]), _point(0.9, speedups[1])]
    told = {"indices": ["fixed4"], "budget": 1000.0, "curve": points}
    return {"layer": layer, "break_even_ratio": ratio.to_dict(), **told}


def _layer(name: str, kind: str, speedup: float, ratio: BreakEvenRatio, restored: bool) -> dict[str, Any]:
    alpha = 1.0 if restored else 0.25
    return {
        "name": name,
        "kind": kind,
        "macs": 1000,
        "weights": 100,
        "nonzeros": round(100 * alpha),
        "weight_bits": 4,
        "alpha": alpha,
        "pruning_ratio": 1 / alpha,
        "restored": restored,
        "break_even_ratio": ratio.to_dict(),
        "speedup": speedup,
        "dense_time": 1000.0 * speedup,
        "time": 1000.0,
        "batch": 8 if kind == "linear" else 1,
        "weight_words": 30,
        "utilization": 0.5,
    }


def _array(index: str, time: float) -> dict[str, Any]:
    config = {
        "rows": 4,
        "lanes": 8,
        "weight_bits": 4,
        "act_bits": 8,
        "acc_bits": 19,
        "index": index,
        "requant_lanes": 1,
    }
    cost = {"area": 1000.0, "logic_area": 600.0, "sram_area": 400.0, "clock_period": 30.0, "critical": "pe"}
    return {"config": config, **cost, "cycles": {}, "cycles_per_sample": time / 30, "time_per_sample": time}


def _histogram(layer: str) -> dict[str, Any]:
    return {
        "layer": layer,
        "before": {"edges": [-0.5, 0.0, 0.5], "counts": [40, 60]},
        "after": {"levels": [-2, 0, 1], "interval": 0.2, "counts": [10, 75, 15]},
    }


def _work(name: str, kind: str, runs_on: str, operations: int, dense: int) -> dict[str, Any]:
    counts = {"operations": operations, "dense_operations": dense}
    return {"name": name, "kind": kind, "runs_on": runs_on, **counts}


def _as_json(record: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(json.dumps(asdict(record)))
    return content


def _step(layer: str) -> dict[str, Any]:
    return _as_json(AdmmStep(0, 0.1, 0.5, 0.9, (Residual(layer, primal=0.1, dual=0.0, size=2.0),)))


def _epochs() -> list[dict[str, Any]]:
    return [_as_json(EpochRecord(epoch, 0.5, 0.6, 0.9)) for epoch in range(2)]


def _snapshots(*layers: str) -> list[dict[str, Any]]:
    weights = {layer: torch.tensor([-0.5, 0.0, 0.25]) for layer in layers}
    snapshots = dict.fromkeys(("before ADMM", "after ADMM", "after retraining"), weights)
    return [_as_json(layer) for layer in weight_histograms(snapshots)]


def typed(report: dict[str, Any]) -> Report:
    """The report with the content of its file."""
    return Report.model_validate_json(json.dumps(report))


def small_report() -> dict[str, Any]:
    """Two layers, one pruned with profit, one restored and slower."""
    return {
        **_run(),
        **_measured(),
        "layers": [_layer("conv", "conv2d", 3.0, GAINS, False), _layer("linear", "linear", 0.8, LOSES, True)],
        "break_even": [_curve("conv", (0.9, 4.0), GAINS), _curve("linear", (0.5, 0.9), LOSES)],
        "alphas": {"method": "given", "alphas": {}, "restored": ["linear"], "trials": []},
        "work": _works(),
        "admm": {"prune": [_step("conv")], "quantize": [_step("conv")]},
        "training": {"train": _epochs(), "prune": _epochs(), "quantize": _epochs()},
        "admm_histograms": {"prune": _snapshots("conv", "linear"), "quantize": _snapshots("conv", "linear")},
        "histograms": [_histogram("conv"), _histogram("linear")],
    }


def _run() -> dict[str, Any]:
    """What ran, and with what."""
    return {
        "schema": {"name": SCHEMA, "version": SCHEMA_VERSION},
        "created": "2026-01-01T00:00:00+00:00",
        "command": "codesign run examples/x.toml --out build/x",
        "seed": 0,
        "network": "small",
        "data": {"name": "digits", "images": {"train": 10, "validation": 5, "test": 100}},
        "settings": {},
        "versions": {"python": "3.11", "simulator": "verilator: 5"},
        "technology": {
            "name": "generic",
            "area_unit": "GE",
            "time_unit": "FO4",
            "fo4": 1.0,
            "nand2_area": 1.0,
            "liberty_sha256": "0" * 64,
            "clk_to_q": 4.0,
            "setup": 2.0,
        },
        "units": {"area": "GE", "time": "FO4", "clock": "FO4"},
        "seconds": {"train": 1.0},
    }


def _formats() -> dict[str, dict[str, dict[str, float]]]:
    """Two formats that win a layer each, and one that wins none."""
    return {
        "conv": {"fixed4": _cost(90, 500), "rice6": _cost(90.4, 400), "bitmap8": _cost(100, 300)},
        "linear": {"fixed4": _cost(50, 500), "bitmap8": _cost(60, 300)},
    }


def _cost(cycles: float, bits: int) -> dict[str, float]:
    return {"cycles": float(cycles), "stored_bits": bits}


def _measured() -> dict[str, Any]:
    """Accuracies, sizes, arrays and the simulation."""
    dense, chosen = _array("dense", 6000.0), _array("fixed4", 3000.0)
    rounded = dict.fromkeys(("pruned", "pruned_integer", "compressed", "integer"), 0.98)
    return {
        "accuracy": {"dense": 0.99, **rounded, "test_images": 100},
        "storage": {"float32_bits": 6400, "level_bits": 500, "with_index_bits": 1000},
        "array": {"budget": 1000.0, "dense": dense, "chosen": chosen, "speedup": 2.0, "formats": _formats()},
        "rtl": {
            "bit_exact": True,
            "cycle_exact": True,
            "outputs_compared": 1234,
            "mismatches": 0,
            "images": 8,
            "simulator": "verilator: 5",
            "cycles": {"conv": 100, "linear": 50},
            "layers": [],
        },
    }


def _works() -> dict[str, Any]:
    """Who runs each operation: two layers, addresses and two sums."""
    return {
        "rows": [
            _work("conv", "conv2d", "array", 250, 1000),
            _work("flatten", "reshape", "addresses", 0, 0),
            _work("linear", "linear", "array", 1000, 1000),
            _work("sum", "add", "host", 150, 150),
            _work("sum2", "add", "host", 100, 100),
        ],
        "host_share": 250 / 1500,
        "dense_host_share": 0.1,
    }
