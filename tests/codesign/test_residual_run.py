"""The whole loop on a network that branches: residual blocks, squeeze and excitation, zero points on the Verilog."""

from __future__ import annotations

import json
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

NETWORK = """
import torch
from torch import nn
from torch.nn import functional


def normed(*arguments, **members):
    conv = nn.Conv2d(*arguments, bias=False, **members)
    return nn.Sequential(conv, nn.BatchNorm2d(conv.out_channels))


class Residual(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = normed(inputs, outputs, 3, stride=stride, padding=1)
        self.second = normed(outputs, outputs, 3, padding=1)
        self.stride, self.more = stride, outputs - inputs

    def forward(self, activations):
        shortcut = activations[:, :, :: self.stride, :: self.stride]
        shortcut = functional.pad(shortcut, (0, 0, 0, 0, self.more // 2, self.more - self.more // 2))
        return torch.relu(self.second(torch.relu(self.first(activations))) + shortcut)


class Separable(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.depthwise = normed(channels, channels, 3, padding="same", dilation=2, groups=channels)
        self.squeeze, self.excite = nn.Conv2d(channels, 2, 1), nn.Conv2d(2, channels, 1)
        self.pointwise = normed(channels, channels, 1)

    def forward(self, activations):
        hidden = functional.hardswish(self.depthwise(activations))
        gate = torch.relu(self.squeeze(functional.adaptive_avg_pool2d(hidden, 1)))
        return activations + self.pointwise(hidden * functional.hardsigmoid(self.excite(gate)))


def make():
    return nn.Sequential(
        normed(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), Residual(4, 4, 1), Separable(4), Residual(4, 6, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 10)
    )
"""
RUN = """
[network]
name = "residual_test_network:make"
[data]
name = "digits"
[train]
epochs = 2
[compress]
ratio = 2
prune = { iterations = 1, retrain_epochs = 1 }
quantize = { iterations = 1, retrain_epochs = 0 }
[hardware]
rows = 2
lanes = 4
indices = ["fixed3"]
linear_batch = 4
[breakeven]
portions = [0.8]
[simulate]
images = 2
"""
LAYERS = ["0.0", "3.first.0", "3.second.0", "4.depthwise.0", "4.squeeze", "4.excite", "4.pointwise.0"]
LAYERS += ["5.first.0", "5.second.0", "8"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a finished run."""
    place = tmp_path_factory.mktemp("residual")
    (place / "residual_test_network.py").write_text(NETWORK)
    (place / "run.toml").write_text(RUN)
    with pytest.raises(SystemExit) as stopped:
        main(["run", str(place / "run.toml"), "--out", str(place / "out")])
    assert stopped.value.code == 0
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
