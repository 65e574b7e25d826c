"""Every mistake in a run file, and in what it names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compress.methods.presets import PRESETS
from tests.codesign.refusals import Refused, RunFile


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("epochs = 1", "epoch = 1", ["train.epoch", "did you mean 'epochs'"]),
        ("[train]", "[trian]", ["trian", "did you mean 'train'"]),
        ("epochs = 1", "epochs = 0", ["train.epochs = 0 would prune", "network.weights"]),
        ("epochs = 1", 'epochs = "many"', ["train.epochs", "an integer"]),
        ("epochs = 1", "epochs = 1.5", ["train.epochs", "an integer"]),
        ("epochs = 1", "epochs = true", ["train.epochs", "an integer"]),
        ('name = "digits-net"', "", ["network.name is missing"]),
        ('"digits"', '"cifar100"', ["data.name", "'digits', 'mnist'"]),
        ("epochs = 1", "epochs = 1\n[hardware]\nlanes = 0", ["hardware.lanes", ">= 1 and <= 256"]),
        (
            "epochs = 1",
            "epochs = 1\n[hardware]\nlanes = 8\nrequant_lanes = 3",
            ["requant_lanes 3 does not divide lanes 8"],
        ),
        ("epochs = 1", "epochs = 1\n[hardware]\nact_bits = 9", ["hardware.act_bits", "<= 8"]),
        ("epochs = 1", 'epochs = 1\n[hardware]\nindices = ["rice"]', ["hardware.indices", "rice7", "a list"]),
        ("epochs = 1", "epochs = 1\n[hardware]\nindices = []", ["hardware.indices", "a list"]),
        ("epochs = 1", "epochs = 1\n[compress]\nalpha = { conv1 = 0.0 }", ["compress.alpha.conv1", "> 0"]),
        (
            "epochs = 1",
            'epochs = 1\n[compress]\npreset = "lenet5"',
            ["compress.preset = 'lenet5' is wrong", "not a known name", *(repr(name) for name in PRESETS)],
        ),
        ("epochs = 1", "epochs = 1\n[compress]\npreset = 167", ["compress.preset", "'lenet5-167x'"]),
        ("epochs = 1", "epochs = 1\n[breakeven]\nportions = [1.0]", ["breakeven.portions", "< 1"]),
        ("epochs = 1", 'epochs = 1\n[simulate]\nsimulator = "vcs"', ["simulate.simulator", "'verilator', 'icarus'"]),
        ("epochs = 1", "epochs = 1\n[quick.train]\nepocs = 1", ["quick.train.epocs", "did you mean 'epochs'"]),
        ("epochs = 1", "epochs = ", ["not valid TOML", "line"]),
        ("epochs = 1", f"epochs = {10**30 - 1}", ["train.epochs", "<= 1000000"]),
        ("epochs = 1", f"epochs = 1{'0' * 5000}", ["not valid TOML", "digits"]),
        ("epochs = 1", f"epochs = {'[' * 2000}", ["not valid TOML"]),
        ("epochs = 1", "learning_rate = inf", ["train.learning_rate", "<= 1000000"]),
        ("epochs = 1", "learning_rate = nan", ["train.learning_rate", "<= 1000000"]),
        ("epochs = 1", "learning_rate = 1e300", ["train.learning_rate", "<= 1000000"]),
        ("epochs = 1", "weight_decay = nan", ["train.weight_decay", "<= 1000000"]),
        ("epochs = 1", "augment_shift = 123456789", ["train.augment_shift", "<= 1000000"]),
        ("epochs = 1", f"epochs = 1\n[compress.prune]\niterations = {10**30 - 1}", ["prune.iterations", "<= 1000000"]),
        ("epochs = 1", "epochs = 1\n[compress]\nalpha = { conv1 = nan }", ["compress.alpha.conv1", "finite"]),
        ("epochs = 1", "epochs = 1\n[breakeven]\nportions = [nan]", ["breakeven.portions", "finite"]),
        ("epochs = 1", f"epochs = 1\n[simulate]\nimages = {2**63}", ["simulate.images", "<= 1000000"]),
        ("seed = 0", f"seed = {2**32}", ["seed", "<= 4294967295"]),
        (
            'name = "digits"',
            'name = "mnist"\nfolder = "~nobody-at-all/data"',
            ["data.folder", "no user's home"],
        ),
        ('name = "digits"', 'name = "mnist"\nfolder = "a\\u0000b"', ["data.folder", "not a path"]),
        ('name = "digits"', 'name = "mnist"\ntitle = ""', ["data.title", "at least 1 character"]),
        ("epochs = 1", 'epochs = 1\n[technology]\nliberty = ""', ["technology.liberty", "not a path"]),
        ("seed = 0", "seed = -1", ["seed", ">= 0"]),
        ('"digits"', '"imagefolder:99999"', ["data.name", "not a known name"]),
    ],
)
def test_a_wrong_run_file_is_told_by_file_key_and_what_is_allowed(
    refused: Refused, run_file: RunFile, tmp_path: Path, old: str, new: str, told: list[str]
) -> None:
    message = refused("run", run_file(old, new), "--out", tmp_path / "out")
    assert "run.toml" in message
    for part in told:
        assert part in message


def test_a_missing_run_file_is_told(refused: Refused, tmp_path: Path) -> None:
    assert "none.toml" in refused("run", tmp_path / "none.toml", "--out", tmp_path / "out")


def test_a_folder_as_run_file_is_told(refused: Refused, tmp_path: Path) -> None:
    assert "cannot read" in refused("train", tmp_path, "--out", tmp_path / "out")


def test_quick_without_a_quick_table_is_told(refused: Refused, run_file: RunFile, tmp_path: Path) -> None:
    assert "no [quick] table" in refused("run", run_file(), "--quick", "--out", tmp_path / "out")


def test_an_unknown_network_is_told_with_those_there_are(refused: Refused, run_file: RunFile, tmp_path: Path) -> None:
    message = refused("train", run_file('"digits-net"', '"alexnot"'), "--out", tmp_path / "out")
    assert "unknown network 'alexnot'" in message
    assert "lenet5" in message


@pytest.mark.parametrize(
    ("layers", "told"),
    [
        ("nn.Conv2d(1, 4, 3), nn.Softmax(1), nn.Flatten(), nn.Linear(144, 10)", "has no integer operation"),
        ("nn.Conv2d(1, 4, 9), nn.ReLU(), nn.Flatten(), nn.Linear(4, 10)", "cannot run on images of shape (1, 8, 8)"),
        ("nn.Flatten()", "no Conv2d or Linear"),
    ],
)  # fmt: skip
def test_a_network_that_the_array_cannot_run_is_refused_before_training(
    refused: Refused,
    run_file: RunFile,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    layers: str,
    told: str,
) -> None:
    name = f"user_network_{abs(hash(layers))}"
    modules = tmp_path.parent / f"{name}_modules"
    modules.mkdir()
    (modules / f"{name}.py").write_text(f"from torch import nn\ndef make():\n    return nn.Sequential({layers})\n")
    monkeypatch.syspath_prepend(str(modules))
    assert told in refused("train", run_file('"digits-net"', f'"{name}:make"'), "--out", tmp_path / "out")


def test_an_unknown_layer_in_alpha_is_told_with_the_layers_there_are(
    refused: Refused, run_file: RunFile, tmp_path: Path
) -> None:
    path = run_file("epochs = 1", "epochs = 1\n[compress]\nalpha = { conv9 = 0.5 }")
    message = refused("train", path, "--out", tmp_path / "out")
    assert "compress.alpha names layer 'conv9'" in message
    assert "conv1, conv2, fc1, fc2" in message


def test_a_preset_for_another_network_is_told_before_training(
    refused: Refused, run_file: RunFile, tmp_path: Path
) -> None:
    path = run_file("epochs = 1", 'epochs = 1\n[compress]\npreset = "lenet5-167x"')
    message = refused("train", path, "--out", tmp_path / "out")
    assert "'lenet5-167x' is for 'lenet5', not for 'digits-net'" in message
    assert "presets for digits-net: none" in message


def test_a_missing_data_folder_is_told(refused: Refused, run_file: RunFile, tmp_path: Path) -> None:
    path = run_file('name = "digits"', 'name = "mnist"\nfolder = "nowhere"')
    assert "nowhere" in refused("train", path, "--out", tmp_path / "out")


def test_an_output_path_that_is_a_file_is_told(refused: Refused, run_file: RunFile, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    assert "is a file, not a folder" in refused("run", run_file(), "--out", tmp_path / "out")


def test_a_folder_that_cannot_be_written_is_told_before_the_first_epoch(
    refused: Refused, run_file: RunFile, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    message = refused("train", run_file(), "--out", tmp_path / "file" / "out")
    assert "cannot write to" in message
    assert "train the dense network" not in message


def test_compressing_before_training_is_told_with_the_command_to_run(
    refused: Refused, run_file: RunFile, tmp_path: Path
) -> None:
    message = refused("compress", run_file(), "--out", tmp_path / "out")
    assert "network.safetensors is missing" in message
    assert "codesign train" in message


def test_a_file_that_is_no_network_is_told(refused: Refused, run_file: RunFile, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "network.safetensors").write_text("nonsense")
    assert "cannot read the network" in refused("breakeven", run_file(), "--out", tmp_path / "out")


def test_weights_of_another_network_are_told_before_training(refused: Refused, run_file: RunFile) -> None:
    path = run_file("[data]", 'weights = "other.npz"\n[data]')
    np.savez(path.with_name("other.npz"), conv1=np.zeros(3, np.float32))
    told = " ".join(refused("train", path, "--out", path.parent / "out").split())
    assert "8 keys are missing (conv1.weight" in told
    assert "1 key is unexpected (conv1)" in told
