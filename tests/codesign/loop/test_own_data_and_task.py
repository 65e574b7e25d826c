"""Data, loss and metric of the user's own through the commands: regression, up to the integer model."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from codesign.cli.app import main
from codesign.loop.pipeline import EVALUATE, TRAIN
from codesign.loop.stage import run_stages
from codesign.loop.stages.evaluation import AccuracyResult
from codesign.loop.workspace import Workspace
from codesign.settings.data import Data
from codesign.settings.run_file import load_config
from codesign.settings.task import TaskSource
from compress.base.errors import CodesignError
from compress.data.task import Task
from compress.networks.registry import build_network
from tests.codesign.refusals import Refused

MODULE = """
import torch
from torch import nn
from torch.nn import functional

def network():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2))

def halves(images=80):
    pixels = torch.rand(images, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    targets = torch.stack([pixels[..., :3].mean((1, 2, 3)), pixels[..., 3:].mean((1, 2, 3))], dim=1)
    train = pixels[: images // 2], targets[: images // 2]
    return {"train": train, "test": (pixels[images // 2 :], targets[images // 2 :]), "mean": [0.5], "std": [0.3]}

def labels(images=40):
    pixels = torch.rand(images, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    part = pixels, (pixels.mean((1, 2, 3)) > 0.5).long()
    return {"train": part, "test": part}

def step(network, images, targets):
    return functional.mse_loss(network(images), targets)

def smooth(network, images, targets):
    return functional.cross_entropy(network(images), targets, label_smoothing=0.1)

def rmse(outputs, targets):
    return float(functional.mse_loss(outputs, targets).sqrt())

def fails(outputs, targets):
    raise KeyError("depth")
"""
RUN = """
[network]
name = "own_test_module:network"
[data]
name = "own_test_module:halves"
options = { images = 60 }
[task]
step = "own_test_module:step"
metric = "own_test_module:rmse"
name = "RMSE"
unit = "m"
better = "lower"
[train]
epochs = 6
batch_size = 8
learning_rate = 0.01
[compress]
weight_bits = 6
tolerance = 1.5
alpha = { 0 = 0.5, 3 = 0.5 }
prune = { iterations = 2, retrain_epochs = 2, batch_size = 8 }
quantize = { iterations = 1, retrain_epochs = 1, batch_size = 8 }
"""

Call = Callable[..., str]


@pytest.fixture
def run_file(tmp_path: Path) -> Path:
    """Beside the module with network, data and task; not on the Python path."""
    (tmp_path / "own_test_module.py").write_text(MODULE)
    (tmp_path / "run.toml").write_text(RUN)
    return tmp_path / "run.toml"


@pytest.fixture
def call(run_file: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run a command that succeeds in the folder of the run file, and return what it printed."""

    def run(*arguments: object) -> str:
        with pytest.raises(SystemExit) as stopped:
            main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert stopped.value.code == 0, printed.err
        return printed.out

    return run


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


def test_a_regression_is_trained_pruned_quantized_and_measured(call: Call, run_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    printed = call("train", run_file, "--out", out)
    training = read(out, "training.json")
    assert printed.startswith("validation RMSE 0.")
    assert printed.splitlines()[0].endswith(" m")
    assert training["metric"] == {"name": "RMSE", "unit": "m", "higher_is_better": False}
    assert training["images"] == {"train": 28, "validation": 2, "test": 30}
    assert training["validation_accuracy"] == min(record["validation_accuracy"] for record in training["history"])
    (out / "break_even.json").write_text('{"curves": []}')
    call("compress", run_file, "--out", out)
    run_stages((EVALUATE,), Workspace(load_config(run_file), out))
    found = AccuracyResult.read(out)
    assert found.metric.name == "RMSE"
    assert max(found.dense, found.pruned, found.compressed) < 0.2
    assert found.integer == pytest.approx(found.compressed, abs=0.02)


def test_an_integer_model_of_another_task_is_not_classified(
    call: Call, run_file: Path, tmp_path: Path, refused: Refused
) -> None:
    out = tmp_path / "out"
    call("train", run_file, "--out", out)
    (out / "break_even.json").write_text('{"curves": []}')
    call("compress", run_file, "--out", out)
    assert "own_test_module:step" in refused("evaluate", out / "model.safetensors")


def test_what_the_functions_return_and_their_source_are_in_the_key(run_file: Path) -> None:
    first = Data.of_run(load_config(run_file))
    assert first.task.metric.name == "RMSE"
    assert Data.of_run(load_config(run_file)) == first
    run_file.write_text(RUN.replace("images = 60", "images = 64"))
    other = Data.of_run(load_config(run_file))
    assert (other.files, other.task) == (first.files, first.task)
    assert other.returned != first.returned
    moved = run_file.parent / "moved"
    moved.mkdir()
    (moved / "own_test_module.py").write_text(MODULE)
    (moved / "run.toml").write_text(RUN)
    assert Data.of_run(load_config(moved / "run.toml")) == first
    (moved / "other_module.py").write_text(MODULE + "\n")
    (moved / "run.toml").write_text(RUN.replace("own_test_module:step", "other_module:step"))
    assert TaskSource.of_run(load_config(moved / "run.toml")).sources[0] != first.task.sources[0]


def test_a_classification_with_another_loss_keeps_its_accuracy(call: Call, run_file: Path, tmp_path: Path) -> None:
    task = '[task]\nstep = "own_test_module:smooth"\nmetric = "accuracy"\n'
    before, after = RUN.split("[task]")[0], RUN.split('better = "lower"\n')[1]
    data = before.replace("halves", "labels").replace("options = { images = 60 }\n", "")
    run_file.write_text(data + task + after.replace("tolerance = 1.5\n", ""))
    out = tmp_path / "out"
    assert call("train", run_file, "--out", out).startswith("validation accuracy ")
    assert read(out, "training.json")["metric"]["name"] == "accuracy"
    (out / "break_even.json").write_text('{"curves": []}')
    call("compress", run_file, "--out", out)
    assert call("evaluate", out / "model.safetensors", "--folder", tmp_path).startswith("accuracy ")


def test_a_model_of_the_users_data_is_evaluated_with_the_options_of_its_run(
    call: Call, run_file: Path, tmp_path: Path
) -> None:
    before, after = RUN.split("[task]")[0], RUN.split('better = "lower"\n')[1]
    run_file.write_text((before + after).replace("halves", "labels").replace("tolerance = 1.5\n", ""))
    call("train", run_file, "--out", tmp_path / "out")
    (tmp_path / "out" / "break_even.json").write_text('{"curves": []}')
    call("compress", run_file, "--out", tmp_path / "out")
    found = json.loads(call("evaluate", tmp_path / "out" / "model.safetensors", "--folder", tmp_path, "--json"))
    assert (found["data"], found["test_images"]) == ("own_test_module:labels", 60)
    assert found["accuracy"] > 0.5


def test_functions_of_the_user_reach_other_processes_by_their_names(run_file: Path) -> None:
    task = TaskSource.of_run(load_config(run_file)).task()
    again: Task = pickle.loads(pickle.dumps(task))
    assert again == task
    assert again.measure(torch.zeros(4, 2), torch.ones(4, 2)) == 1
    network = build_network("own_test_module:network", 0, run_file.parent)
    assert again.mean_loss(network, torch.zeros(2, 1, 6, 6), torch.zeros(2, 2)).requires_grad


def test_trained_weights_of_the_users_network_are_measured_by_the_users_metric(
    call: Call, run_file: Path, tmp_path: Path
) -> None:
    network = build_network("own_test_module:network", 3, tmp_path)
    torch.save(network.state_dict(), tmp_path / "trained.pt")
    run_file.write_text(RUN.replace("[data]", 'weights = "trained.pt"\n[data]').replace("epochs = 6\n", ""))
    run_stages((TRAIN,), Workspace(load_config(run_file), tmp_path / "out"))
    assert read(tmp_path / "out", "training.json")["history"] == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (":rmse", ":missing", "metric 'own_test_module:missing' cannot be imported: own_test_module has no 'missing'"),
        (":rmse", ":fails", "metric 'own_test_module:fails' failed: KeyError: 'depth'"),
        (":step", ":missing", "step 'own_test_module:missing' cannot be imported"),
        (":step", ":rmse", "step 'own_test_module:rmse' failed: TypeError"),
        (":step", ":halves", "step 'own_test_module:halves' failed: TypeError"),
        (":halves", ":missing", "data 'own_test_module:missing' cannot be imported"),
        ("images = 60", "sizes = 60", "data 'own_test_module:halves' failed: TypeError"),
        ("images = 60", "images = 0", "not (N, C, H, W)"),
        ('step = "own_test_module:step"\n', "", "task.step is missing"),
        ('name = "RMSE"\n', "", "task.metric does not say what it is called"),
        ('metric = "own_test_module:rmse"\n', "", "task.better is of a metric"),
        ('metric = "own_test_module:rmse"', 'metric = "rmse"', "does not name a function as 'module:function'"),
        ('better = "lower"', 'better = "less"', "task.better"),
        ('unit = "m"', 'units = "m"', "did you mean 'unit'"),
    ],
)
def test_mistakes_are_told_before_training(
    refused: Refused, run_file: Path, tmp_path: Path, old: str, new: str, told: str
) -> None:
    assert old in RUN
    run_file.write_text(RUN.replace(old, new))
    assert told in " ".join(refused("train", run_file, "--out", tmp_path / "out").split())


def test_a_tolerance_of_an_accuracy_is_a_fraction(run_file: Path) -> None:
    run_file.write_text(RUN.split("[task]")[0] + "[compress]\ntolerance = 1.5\n")
    with pytest.raises(CodesignError, match="is no fraction of the accuracy"):
        load_config(run_file)
