from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.array import bench as array
from benchmarks.array import cycles as array_cycles
from benchmarks.array import verilog as array_rtl
from benchmarks.array.cases import Case, group_geometry, group_masks, layer_sizes
from benchmarks.array.cycles import case_cycles, quickest
from benchmarks.array.networks import NetworkCase
from benchmarks.array.verilog import Simulated, model_layers, simulate_case
from benchmarks.command import run_command
from benchmarks.results import Results
from compress.model.compressed_model import CompressedModel
from compress.model.layer import LayerKind
from compress.model.model_file import save_model
from compress.networks.layers import LayerGeometry
from compress.storage.archive import read_model
from rtl.config import ArrayConfig
from sim.golden.golden import run_layer
from sim.simulate.runner import LayerOutcome, LayerRun
from tests.drawn import draw_levels, make_layer

TINY = LayerGeometry((6, 4, 3, 3), (8, 5, 5), padding=(1, 1), groups=2, name="conv4", kind=LayerKind.CONV2D)
CASES = [Case("conv4", 0.3, "random", simulated=True), Case("conv4", 0.25, "balanced", weight_bits=4)]


@pytest.fixture(autouse=True)
def tiny_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (array_cycles, array_rtl):
        monkeypatch.setattr(module, "layer_sizes", lambda _: TINY)


class Machine:
    """Stands for the Verilog: as the models say, or with something wrong."""

    def __init__(self, mismatches: int = 0, late: int = 0) -> None:
        self.mismatches, self.late, self.runs = mismatches, late, 0

    def __call__(self, config: ArrayConfig, runs: Sequence[LayerRun], folder: Path) -> Simulated:
        self.runs += 1
        return [self._outcome(run) for run in runs], 0.5

    def _outcome(self, run: LayerRun) -> LayerOutcome:
        tiling = run.tiling
        outputs = run_layer(tiling.layer, run.activations)
        assert len(np.unique(outputs)) > 1
        batches = len(run.activations) // tiling.batch
        first = "output (0, 0, 0, 0) is 1, golden 2" if self.mismatches else ""
        return LayerOutcome(
            name=tiling.layer.name,
            outputs_compared=outputs.size,
            mismatches=self.mismatches,
            cycles=(tiling.cycles + self.late,) * batches,
            model_cycles=tiling.cycles,
            runs=len(tiling.runs),
            miscounted=batches * bool(self.late),
            stalled=False,
            simulated_cycles=2 * tiling.cycles,
            seconds=0.1,
            first_mismatch=first,
        )


def test_the_papers_layers_have_their_groups() -> None:
    assert layer_sizes("conv4").groups == 2
    assert group_geometry(layer_sizes("conv2")).weight_shape == (128, 48, 5, 5)
    assert sum(group_geometry(layer_sizes(n)).macs * layer_sizes(n).groups for n in ("conv3", "conv4")) == 261_660_672


@pytest.mark.parametrize("mask", ["random", "initial", "uneven", "balanced"])
def test_masks_are_of_their_density_and_of_their_seed(mask: str) -> None:
    case = Case("conv4", 0.25, mask)
    masks = group_masks(TINY, case)
    assert [m.shape for m in masks] == [(3, 4, 3, 3)] * 2
    assert abs(float(np.mean(masks)) - 0.25) < 0.1
    assert all(np.array_equal(a, b) for a, b in zip(masks, group_masks(TINY, case), strict=True))
    if mask == "balanced":
        assert (np.concatenate(masks).sum(axis=(2, 3)) == 2).all()


def test_a_balanced_mask_comes_close_to_its_share_of_the_dense_cycles(tmp_path: Path) -> None:
    entry = case_cycles(Case("conv4", 5 / 9, "balanced", lanes=2), Results(tmp_path))
    assert entry["nonzeros"] == 6 * 4 * 5
    assert 0.8 < entry["speedup_times_density"] < 1.05  # dense rows in lock-step take a slot more for each row
    assert entry["rtl_equals_golden"] is None
    assert entry["rtl_note"]


def test_of_equally_quick_formats_the_smallest_is_taken() -> None:
    costs: dict[str, Any] = {
        "dense": {"cycles": 1.0, "stored_bits": 1},
        "fixed8": {"cycles": 1000.0, "stored_bits": 1600},
        "rice7": {"cycles": 1004.0, "stored_bits": 1300},
        "bitmap8": {"cycles": 1006.0, "stored_bits": 900},
        "nm2of4": {"refused": "three of four"},
    }
    assert quickest(costs) == "rice7"


def test_a_layer_is_simulated_sparse_and_dense_and_kept(tmp_path: Path) -> None:
    machine, results = Machine(), Results(tmp_path)
    for index in ("fixed6", "dense", "fixed6"):
        entry = simulate_case(CASES[0], index, results, machine)
        assert (entry["rtl_equals_golden"], entry["model_equals_rtl"]) == (True, True)
        assert entry["outputs_compared"] == 6 * 5 * 5
    assert machine.runs == 2


def test_a_mismatch_is_not_kept(tmp_path: Path) -> None:
    assert not simulate_case(CASES[0], "fixed6", Results(tmp_path), Machine(mismatches=1))["rtl_equals_golden"]
    assert not simulate_case(CASES[0], "fixed6", Results(tmp_path), Machine(late=1))["model_equals_rtl"]
    assert simulate_case(CASES[0], "fixed6", Results(tmp_path), Machine())["rtl_equals_golden"]


def _model(path: Path) -> Path:
    conv = make_layer(draw_levels((3, 2, 3, 3), 4, 0.5, 1), 4, 6, 6, name="conv1")
    fc = make_layer(draw_levels((5, 48, 1, 1), 3, 0.3, 2), 3, 1, 1, name="fc1", kind=LayerKind.LINEAR)
    save_model(CompressedModel.chain((conv, fc)), path)
    return path


def test_a_trained_network_runs_on_one_array(tmp_path: Path) -> None:
    entries = model_layers(_model(tmp_path / "tiny.safetensors"), Results(tmp_path), Machine(), rows=2, lanes=4)
    assert [entry["name"] for entry in entries] == ["tiny:conv1", "tiny:fc1"]
    assert len({entry["format"] for entry in entries}) == 1
    assert all(entry["rtl_equals_golden"] and entry["mask"] == "trained" for entry in entries)


@pytest.mark.parametrize(
    ("machine", "figure"), [(Machine(mismatches=3), "rtl_equals_golden"), (Machine(late=2), "model_equals_rtl")]
)
def test_a_difference_is_false_in_the_file_and_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: Machine, figure: str
) -> None:
    assert _run(tmp_path, monkeypatch, machine) == 1
    result = json.loads((tmp_path / "bench" / "rtl.json").read_text())
    assert [entry[figure] for entry in result["rtl"]] == [False, False]
    assert [layer[figure] for layer in result["layers"]] == [False, None, False, False]
    assert "**no**" in (tmp_path / "page.md").read_text()


def test_without_a_difference_everything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _run(tmp_path, monkeypatch, Machine()) == 0
    result = json.loads((tmp_path / "bench" / "rtl.json").read_text())
    assert result["layers"][0]["rtl_equals_golden"]
    assert result["lenet"]["model"] == "tiny.safetensors"
    assert [layer["name"] for layer in result["layers"][-2:]] == ["tiny:conv1", "tiny:fc1"]
    assert result["networks"][0]["missing"].startswith("no lost.net in")
    assert json.loads((tmp_path / "rtl.json").read_text()) == result
    assert (tmp_path / "array" / "layers.png").stat().st_size > 1000


def _run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: Machine) -> int:
    """Exit code of the command on tiny layers, without synthesis."""
    monkeypatch.setattr(array, "CASES", CASES)
    monkeypatch.setattr(array, "on_verilog", machine)
    lost = NetworkCase("lost", "whose file nobody has", lambda _: [], ("lost.net",))
    monkeypatch.setattr(array, "NETWORKS", (lost,))
    monkeypatch.setattr(array, "area_costs", lambda _: [])
    monkeypatch.setattr(array, "width_costs", lambda _: [])
    monkeypatch.setattr(array, "bits_costs", list)
    arguments = ["--out", str(tmp_path / "bench"), "--page", str(tmp_path / "page.md"), "--jobs", "1"]
    arguments += ["--lenet", str(_model(tmp_path / "tiny.safetensors"))]
    monkeypatch.setattr(sys, "argv", ["array", *arguments])
    with pytest.raises(SystemExit) as stopped:
        run_command(array.main)
    return stopped.value.code if isinstance(stopped.value.code, int) else 1


def test_a_fresh_clone_has_the_network_that_the_page_shows() -> None:
    model = read_model(Path(__file__).parents[3] / array.LENET)
    assert [layer.name for layer in model.layers] == ["conv1", "conv2", "fc1", "fc2"]
    assert 300 < sum(layer.weights for layer in model.layers) / sum(layer.nonzeros for layer in model.layers) < 310
