"""The network and the commands of docs/own-network.md: residual blocks, gates and zero points, to the Verilog."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from codesign.cli.app import main
from compress.data.datasets import load_dataset
from compress.model.model_file import load_model
from sim.golden.golden import quantize_input, run_model
from sim.simulate.simulator import find_simulator

try:
    find_simulator()
except Exception as error:  # the reason is shown with the skip
    pytest.skip(f"no simulator: {error}", allow_module_level=True)

PAGE = (Path(__file__).parents[2] / "docs" / "own-network.md").read_text(encoding="utf-8")
NETWORK, RUN, COMMANDS = (
    re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)[0] for kind in ("python\n# residual.py", "toml", "sh")
)
LAYERS = ["0.0", "3.first.0", "3.second.0", "4.depthwise.0", "4.squeeze", "4.excite", "4.pointwise.0"]
LAYERS += ["5.first.0", "5.second.0", "8"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of the page's commands."""
    place = tmp_path_factory.mktemp("residual")
    (place / "residual.py").write_text(NETWORK)
    (place / "run.toml").write_text(RUN)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for line in COMMANDS.splitlines():
            with pytest.raises(SystemExit) as stopped:
                main(shlex.split(line, comments=True)[1:])
            assert stopped.value.code == 0, line
    return place / "out"


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return content


def test_every_layer_is_pruned_and_bit_exact_on_the_verilog(report: dict[str, Any]) -> None:
    assert [layer["name"] for layer in report["layers"]] == LAYERS
    assert all(layer["nonzeros"] < layer["weights"] for layer in report["layers"])
    assert report["rtl"]["bit_exact"] is True
    assert report["rtl"]["cycle_exact"] is True
    assert list(report["rtl"]["cycles"]) == LAYERS


def test_layers_without_a_relu_have_zero_points(folder: Path) -> None:
    model = load_model(folder / "model.safetensors")
    zeros = {layer.name: (layer.input_zero_point, layer.output_zero_point) for layer in model.layers}
    assert zeros["3.second.0"][1] > 0
    assert zeros["4.pointwise.0"][0] > 0
    assert zeros["5.first.0"][0] > 0
    assert model.layer("4.depthwise.0").dilation == (2, 2)


def test_the_integer_accuracy_is_that_of_the_graph_on_all_test_images(folder: Path, report: dict[str, Any]) -> None:
    model, test = load_model(folder / "model.safetensors"), load_dataset("digits", 0).test
    answers = run_model(model, quantize_input(model, test.pixels.numpy())).argmax(axis=1)
    assert report["accuracy"]["integer"] == (answers == test.labels.numpy()).mean()


def test_the_report_says_who_runs_each_operation(folder: Path, report: dict[str, Any]) -> None:
    rows = report["work"]["rows"]
    by_array = [row["name"] for row in rows if row["runs_on"] == "array" and row["kind"] in ("conv2d", "linear")]
    assert by_array == LAYERS
    kinds = {row["kind"]: row["runs_on"] for row in rows}
    for kind, runs_on in (("add", "host"), ("lookup", "host"), ("scale", "host"), ("slice", "addresses")):
        assert kinds[kind] == runs_on
    assert all((row["operations"] == 0) == (row["runs_on"] == "addresses") for row in rows)
    assert 0 < report["work"]["dense_host_share"] < report["work"]["host_share"] < 1
    assert "Who runs what" in (folder / "report.html").read_text()
