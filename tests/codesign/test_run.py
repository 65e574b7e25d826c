"""The whole loop with the real tools, on a network small enough for a test."""

from __future__ import annotations

import json
import shutil
from math import prod
from pathlib import Path
from typing import Any

import pytest

from codesign.cli.app import main
from codesign.report.plots import PLOTS
from compress.model.model_file import load_model
from flows.search.break_even_ratio import BreakEvenRatio
from sim.simulate.simulator import find_simulator

try:
    find_simulator()
except Exception as error:  # the reason is shown with the skip
    pytest.skip(f"no simulator: {error}", allow_module_level=True)

NETWORK = """
from torch import nn
def make():
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(4),
        nn.Flatten(), nn.Linear(12, 10)
    )
"""
RUN = """
[network]
name = "loop_test_network:make"
[data]
name = "digits"
[train]
epochs = 2
[compress]
tolerance = 0.3
trial_epochs = 1
trial_images = 200
prune = { iterations = 2, retrain_epochs = 1 }
quantize = { iterations = 1, retrain_epochs = 1 }
[hardware]
rows = 1
lanes = 4
indices = ["fixed3"]
linear_batch = 4
[breakeven]
portions = [0.5, 0.9]
[simulate]
images = 3
"""


def call(*arguments: object) -> int | str | None:
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    return stopped.value.code


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a finished run."""
    place = tmp_path_factory.mktemp("loop")
    (place / "loop_test_network.py").write_text(NETWORK)
    (place / "run.toml").write_text(RUN)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        assert call("run", place / "run.toml", "--out", place / "out") == 0
    return place / "out"


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return content


def test_every_output_of_the_verilog_was_compared_and_equal(report: dict[str, Any], folder: Path) -> None:
    assert report["rtl"]["bit_exact"] is True
    assert report["rtl"]["cycle_exact"] is True
    conv, linear = load_model(folder / "model.safetensors").layers
    assert report["rtl"]["outputs_compared"] == 3 * prod(conv.conv_shape) + 4 * 10
    assert linear.conv_shape == (10, 1, 1)
    assert report["rtl"]["cycles"].keys() == {"0", "5"}


def test_the_report_has_every_key_that_scripts_rely_on(report: dict[str, Any]) -> None:
    assert {"dense", "compressed", "integer"} <= report["accuracy"].keys()
    assert {"technology", "versions", "command", "seed"} <= report.keys()
    members = "name kind macs weights nonzeros weight_bits alpha restored break_even_ratio speedup"
    for layer in report["layers"]:
        assert set(members.split()) <= layer.keys()
    for entry in report["break_even"]:
        assert entry["curve"][0]["index"] == "dense"
        for point in entry["curve"]:
            assert {"pruned_portion", "speedup", "rows", "lanes", "area", "clock", "cycles"} <= point.keys()


def test_layers_in_the_report_are_dense_or_past_their_break_even(report: dict[str, Any]) -> None:
    for layer in report["layers"]:
        assert layer["restored"] == (layer["alpha"] == 1)
        if not layer["restored"]:
            ratio = BreakEvenRatio.from_dict(layer["break_even_ratio"])
            assert ratio.passed_by(0.98 * layer["alpha"])  # counts of weights are rounded


def test_both_arrays_fit_the_budget(report: dict[str, Any]) -> None:
    array = report["array"]
    assert array["dense"]["area"] <= array["budget"]
    assert array["chosen"]["area"] <= array["budget"]


def test_the_report_has_the_history_of_both_admm_runs(report: dict[str, Any]) -> None:
    epochs = {name: [record["epoch"] for record in records] for name, records in report["training"].items()}
    assert epochs == {"train": [0, 1], "prune": [0], "quantize": [0, 0, 0, 0]}
    for name, iterations in (("prune", 2), ("quantize", 1)):
        assert len(report["admm"][name]) == iterations
        assert [layer["layer"] for layer in report["admm_histograms"][name]] == ["0", "5"]


def test_histograms_hold_every_weight_at_three_snapshots(report: dict[str, Any]) -> None:
    for name in ("prune", "quantize"):
        for layer, counted in zip(report["layers"], report["admm_histograms"][name], strict=True):
            before, after, retrained = counted["moments"]
            for snapshot in (before, after, retrained):
                assert sum(snapshot["counts"]) + snapshot["zeros"] == layer["weights"]
            assert retrained["zeros"] <= layer["weights"] - layer["nonzeros"]  # weights that read dead channels leave
            assert before["zeros"] == after["zeros"] == (0 if name == "prune" else retrained["zeros"])


def test_pictures_lie_beside_the_page(folder: Path) -> None:
    for name in ("report.html", *(f"{name}.png" for name in PLOTS)):
        assert (folder / name).stat().st_size > 10_000


def test_a_second_run_finds_every_stage_finished(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(folder.parent))
    assert call("run", folder.parent / "run.toml", "--out", folder, "--json") == 0
    captured = capsys.readouterr()
    assert captured.err.count(": finished before") == 8
    assert json.loads(captured.out)["rtl"]["bit_exact"] is True


def test_simulate_runs_alone_on_the_files_of_the_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--images", "2", "--linear-batch", "4", "--json")
    assert call("simulate", folder / "model.safetensors", folder / "array", *arguments) == 0
    assert json.loads(capsys.readouterr().out)["images"] == 2


def test_synthesize_runs_alone_on_the_files_of_the_run(
    folder: Path, report: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("synthesize", folder / "array", "--json") == 0
    assert json.loads(capsys.readouterr().out)["area"] == pytest.approx(report["array"]["chosen"]["area"])


def test_altered_verilog_fails_with_exit_code_1(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folder / "array", tmp_path / "array")
    verilog = tmp_path / "array" / "pe_array.v"
    before, adder = verilog.read_text().split("module \\pe_array.row_0.pe_0 ", 1)
    assert " + " in adder
    verilog.write_text(before + "module \\pe_array.row_0.pe_0 " + adder.replace(" + ", " - ", 1))
    arguments = ("--images", "1", "--linear-batch", "4")
    assert call("simulate", folder / "model.safetensors", tmp_path / "array", *arguments) == 1
    errors = capsys.readouterr().err
    assert "differ from the golden model" in errors
    assert "Traceback" not in errors
