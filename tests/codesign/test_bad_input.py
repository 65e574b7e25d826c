"""Every mistake a user can make: exit code 2, one message with cause and next step, nothing half-written."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from codesign.cli import main
from compress.modelfile import save_model
from compress.presets import PRESETS
from tests.codesign.models import small_model

RUN = """
seed = 0
[network]
name = "digits-net"
[data]
name = "digits"
[train]
epochs = 1
"""

Refused = Callable[..., str]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Refused:
    """Run the command line, check how it refuses, and return what it told."""
    monkeypatch.setenv("CODESIGN_CACHE", str(tmp_path.parent / "cache"))

    def run(*arguments: object) -> str:
        before = tree(tmp_path)
        with pytest.raises(SystemExit) as stopped:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert stopped.value.code == 2
        assert captured.out == ""
        told = re.fullmatch(
            r"(?:(?:\[\d+/\d+\] .*|simulate|evaluate|synthesize) \.\.\.\n)*error: (.+)\nnext: (.+)\n",
            captured.err,
            re.DOTALL,
        )
        assert told is not None, captured.err
        assert "Traceback" not in captured.err
        assert captured.err.count("error: ") == 1
        assert tree(tmp_path) == before, "something half-written was left behind"
        return captured.err

    return run


@pytest.fixture
def run_file(tmp_path: Path) -> Callable[[str, str], Path]:
    """A run file with one replacement made in it."""

    def write(old: str = "", new: str = "") -> Path:
        assert old in RUN
        path = tmp_path / "run.toml"
        path.write_text(RUN.replace(old, new, 1))
        return path

    return write


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_model(small_model(), path)
    return path


@pytest.fixture
def array(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    with pytest.raises(SystemExit) as stopped:
        main(["generate", str(model), "--rows", "2", "--lanes", "4", "--out", str(tmp_path / "array")])
    assert stopped.value.code == 0
    capsys.readouterr()
    return tmp_path / "array"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("epochs = 1", "epoch = 1", ["train.epoch", "did you mean 'epochs'"]),
        ("[train]", "[trian]", ["trian", "did you mean 'train'"]),
        ("epochs = 1", "epochs = 0", ["train.epochs", "an integer >= 1"]),
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
            ["compress.preset = 'lenet5' is wrong", "no such preset", *(repr(name) for name in PRESETS)],
        ),
        ("epochs = 1", "epochs = 1\n[compress]\npreset = 167", ["compress.preset", "'lenet5-167x'"]),
        ("epochs = 1", "epochs = 1\n[breakeven]\nportions = [1.0]", ["breakeven.portions", "< 1"]),
        ("epochs = 1", 'epochs = 1\n[simulate]\nsimulator = "vcs"', ["simulate.simulator", "'verilator', 'icarus'"]),
        ("epochs = 1", "epochs = 1\n[quick.train]\nepocs = 1", ["quick.train.epocs", "did you mean 'epochs'"]),
        ("epochs = 1", "epochs = ", ["not valid TOML", "line"]),
    ],
)
def test_a_wrong_run_file_is_told_by_file_key_and_what_is_allowed(
    refused: Refused, run_file: Callable[..., Path], tmp_path: Path, old: str, new: str, told: list[str]
) -> None:
    message = refused("run", run_file(old, new), "--out", tmp_path / "out")
    assert "run.toml" in message
    for part in told:
        assert part in message


def test_a_missing_run_file_is_told(refused: Refused, tmp_path: Path) -> None:
    assert "none.toml" in refused("run", tmp_path / "none.toml", "--out", tmp_path / "out")


def test_a_folder_as_run_file_is_told(refused: Refused, tmp_path: Path) -> None:
    assert "cannot read run file" in refused("train", tmp_path, "--out", tmp_path / "out")


def test_quick_without_a_quick_table_is_told(refused: Refused, run_file: Callable[..., Path], tmp_path: Path) -> None:
    assert "no [quick] table" in refused("run", run_file(), "--quick", "--out", tmp_path / "out")


def test_an_unknown_network_is_told_with_those_there_are(
    refused: Refused, run_file: Callable[..., Path], tmp_path: Path
) -> None:
    message = refused("train", run_file('"digits-net"', '"alexnot"'), "--out", tmp_path / "out")
    assert "unknown network 'alexnot'" in message
    assert "lenet5" in message


@pytest.mark.parametrize(
    ("layers", "told"),
    [
        ("nn.Conv2d(1, 4, 3), nn.Sigmoid(), nn.Flatten(), nn.Linear(144, 10)", "(Sigmoid) is not supported"),
        ("nn.Conv2d(1, 4, 9), nn.ReLU(), nn.Flatten(), nn.Linear(4, 10)", "does not fit its input"),
        ("nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(144, 10)", "has no ReLU"),
        ("nn.Flatten()", "no Conv2d or Linear"),
    ],
)  # fmt: skip
def test_a_network_that_the_array_cannot_run_is_refused_before_training(
    refused: Refused,
    run_file: Callable[..., Path],
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
    refused: Refused, run_file: Callable[..., Path], tmp_path: Path
) -> None:
    path = run_file("epochs = 1", "epochs = 1\n[compress]\nalpha = { conv9 = 0.5 }")
    message = refused("train", path, "--out", tmp_path / "out")
    assert "compress.alpha names layer 'conv9'" in message
    assert "conv1, conv2, fc1, fc2" in message


def test_a_preset_for_another_network_is_told_before_training(
    refused: Refused, run_file: Callable[..., Path], tmp_path: Path
) -> None:
    path = run_file("epochs = 1", 'epochs = 1\n[compress]\npreset = "lenet5-167x"')
    message = refused("train", path, "--out", tmp_path / "out")
    assert "'lenet5-167x' is for 'lenet5', not for 'digits-net'" in message
    assert "presets for digits-net: none" in message


def test_a_missing_data_folder_is_told(refused: Refused, run_file: Callable[..., Path], tmp_path: Path) -> None:
    path = run_file('name = "digits"', 'name = "mnist"\nfolder = "nowhere"')
    assert "nowhere" in refused("train", path, "--out", tmp_path / "out")


def test_an_output_path_that_is_a_file_is_told(refused: Refused, run_file: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    assert "is a file, not a folder" in refused("run", run_file(), "--out", tmp_path / "out")


def test_an_output_folder_below_a_file_is_told(
    refused: Refused, run_file: Callable[..., Path], model: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("a file")
    assert "file" in refused("generate", model, "--out", tmp_path / "file" / "array")


def test_compressing_before_training_is_told_with_the_command_to_run(
    refused: Refused, run_file: Callable[..., Path], tmp_path: Path
) -> None:
    message = refused("compress", run_file(), "--out", tmp_path / "out")
    assert "network.safetensors is missing" in message
    assert "codesign train" in message


def test_a_file_that_is_no_network_is_told(refused: Refused, run_file: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "network.safetensors").write_text("nonsense")
    assert "cannot read the network" in refused("breakeven", run_file(), "--out", tmp_path / "out")


def test_a_missing_model_file_is_told(refused: Refused, tmp_path: Path) -> None:
    assert "cannot read the model" in refused("generate", tmp_path / "none", "--out", tmp_path / "array")


def test_a_truncated_model_file_is_told(refused: Refused, model: Path, tmp_path: Path) -> None:
    model.write_bytes(model.read_bytes()[:-20])
    refused("generate", model, "--out", tmp_path / "array")


def test_an_altered_model_file_is_told(refused: Refused, model: Path, tmp_path: Path) -> None:
    content = bytearray(model.read_bytes())
    content[-1] ^= 1
    model.write_bytes(content)
    refused("generate", model, "--out", tmp_path / "array")


def test_a_foreign_model_file_is_told(refused: Refused, tmp_path: Path) -> None:
    save_file({"weight": np.zeros(3)}, tmp_path / "foreign.safetensors")
    refused("generate", tmp_path / "foreign.safetensors", "--out", tmp_path / "array")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--lanes", "0"], "lanes"),
        (["--lanes", "8", "--requant-lanes", "3"], "does not divide"),
        (["--rows", "65"], "rows"),
        (["--index", "bitmap"], "unknown index format 'bitmap'"),
        (["--index", "fixed13"], "gap_bits"),
        (["--index", "nm2of4"], "2 of 4"),
        (["--index", "dense"], "weights are pruned"),
        (["--lanes", "eight"], "valid integer"),
        (["--linear-batch", "0"], "linear-batch"),
    ],
)
def test_an_array_that_cannot_be_is_told(
    refused: Refused, model: Path, tmp_path: Path, options: list[str], told: str
) -> None:
    assert told in refused("generate", model, *options, "--out", tmp_path / "array")


def test_an_unknown_preset_and_nothing_to_generate_are_told(refused: Refused, tmp_path: Path) -> None:
    assert "tiny, edge, wide" in refused("generate", "--preset", "huge", "--out", tmp_path / "array")
    assert "--preset" in refused("generate", "--out", tmp_path / "array")


def test_a_model_that_does_not_fit_a_preset_is_told(refused: Refused, tmp_path: Path) -> None:
    path = tmp_path / "narrow.safetensors"
    save_model(small_model(act_bits=6), path)
    assert "6-bit activations" in refused("generate", path, "--preset", "tiny", "--out", tmp_path / "array")


def test_ports_that_there_are_not_are_told(refused: Refused, model: Path, array: Path) -> None:
    assert "use one of: array, axi" in refused("simulate", model, array, "--through", "pcie")


def test_banks_that_are_too_small_even_for_parts_of_a_model_are_told(
    refused: Refused, model: Path, tmp_path: Path
) -> None:
    message = refused("generate", model, "--weight-depth", "2", "--rows", "2", "--out", tmp_path / "array")
    assert "a single filter and output line of layer" in message
    assert "weight_depth 2 <" in message
    told = refused("generate", model, "--activation-depth", "5", "--out", tmp_path / "array")
    assert "activation_depth 5 is odd" in told


def test_a_layer_that_does_not_fit_the_array_is_told_by_bank(refused: Refused, model: Path, array: Path) -> None:
    description = json.loads((array / "array.json").read_text())
    description["array"]["weight_depth"] = 4
    (array / "array.json").write_text(json.dumps(description))
    message = refused("simulate", model, array)
    assert "does not fit the array" in message
    assert "weight_depth 4 <" in message


def test_activations_of_another_width_are_told(refused: Refused, array: Path, tmp_path: Path) -> None:
    path = tmp_path / "narrow.safetensors"
    save_model(small_model(act_bits=6), path)
    assert "6-bit activations" in refused("simulate", path, array)


def test_an_empty_array_folder_is_told(refused: Refused, model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "codesign generate" in refused("simulate", model, tmp_path / "empty")
    assert "codesign generate" in refused("synthesize", tmp_path / "empty")


def test_an_array_description_with_a_wrong_key_is_told(refused: Refused, array: Path) -> None:
    (array / "array.json").write_text('{"array": {"rows": 2, "lanes": 4, "colour": "red"}}')
    assert "colour" in refused("synthesize", array)


def test_an_unknown_data_set_is_told(refused: Refused, model: Path, array: Path) -> None:
    assert "unknown data set 'letters'" in refused("simulate", model, array, "--data", "letters")


def test_evaluating_a_missing_truncated_altered_or_foreign_model_is_told(
    refused: Refused, model: Path, tmp_path: Path
) -> None:
    content = model.read_bytes()
    assert "cannot read the model" in refused("evaluate", tmp_path / "none")
    assert "a directory" in refused("evaluate", tmp_path).lower()
    model.write_bytes(content[:-20])
    assert "truncated" in refused("evaluate", model)
    model.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert "checksum differs" in refused("evaluate", model)
    save_file({"weight": np.zeros(3)}, model)
    assert "not a compressed model" in refused("evaluate", model)


def test_evaluating_on_data_that_is_not_there_or_does_not_fit_is_told(
    refused: Refused, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CODESIGN_DATA", raising=False)
    assert "unknown data set 'letters'" in refused("evaluate", model, "--data", "letters")
    assert "point CODESIGN_DATA at" in refused("evaluate", model, "--data", "cifar10")
    assert "no MNIST file" in refused("evaluate", model, "--data", "mnist", "--folder", tmp_path)
    for part in ("train", "val"):
        for name in ("cat", "dog"):
            (tmp_path / part / name).mkdir(parents=True)
            Image.new("RGB", (9, 8)).save(tmp_path / part / name / "photo.png")
    message = refused("evaluate", model, "--data", "imagefolder:8", "--folder", tmp_path)
    assert "reads images (1, 8, 8), imagefolder:8 has (3, 8, 8)" in message
    assert "--data" in message


def test_an_unknown_simulator_is_told(refused: Refused, model: Path, array: Path) -> None:
    assert "unknown simulator 'vcs'" in refused("simulate", model, array, "--simulator", "vcs")


def test_a_missing_compiler_is_told(
    refused: Refused, model: Path, array: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    message = refused("simulate", model, array)
    assert "C++ compiler" in message
    assert "install" in message


def test_a_file_that_is_no_liberty_library_is_told(refused: Refused, array: Path, tmp_path: Path) -> None:
    (tmp_path / "cells.lib").write_text("module inverter; endmodule")
    assert "cells" in refused("synthesize", array, "--liberty", tmp_path / "cells.lib")


def test_a_missing_liberty_file_is_told(refused: Refused, array: Path, tmp_path: Path) -> None:
    assert "none.lib" in refused("synthesize", array, "--liberty", tmp_path / "none.lib")


def test_a_report_that_is_not_there_is_told(refused: Refused, tmp_path: Path) -> None:
    assert "codesign run" in refused("report", tmp_path)


def test_a_foreign_report_is_told(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text('{"schema": {"name": "codesign-report", "version": 99}}')
    assert "version 1" in refused("report", tmp_path)


@pytest.mark.parametrize("arguments", [["runn"], ["run"], ["run", "x.toml"], ["run", "x.toml", "--outt", "y"]])
def test_a_wrong_command_line_is_told_with_where_help_is(refused: Refused, arguments: list[str]) -> None:
    assert "--help" in refused(*arguments)


@pytest.mark.parametrize("arguments", [["run", "none.toml", "--out", "out"], ["generate", "none", "--out", "out"]])
def test_the_installed_command_refuses_without_a_traceback(tmp_path: Path, arguments: list[str]) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "codesign.cli", *arguments]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert result.returncode == 2
    assert result.stdout == ""
    assert re.fullmatch(r"error: .+\nnext: .+\n", result.stderr, re.DOTALL)
    assert list(tmp_path.iterdir()) == []
