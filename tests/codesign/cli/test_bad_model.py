"""Every mistake in a model, an array, and what is asked of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from compress.model.model_file import save_model
from flows.technology.generic_library import generic_liberty
from tests.codesign.models import small_model
from tests.codesign.refusals import Refused


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


def test_a_liberty_library_without_a_usable_flip_flop_is_told_with_cell_and_reason(
    refused: Refused, array: Path, tmp_path: Path
) -> None:
    text = generic_liberty().replace('clocked_on : "CK"', 'clocked_on : "!CK"')
    (tmp_path / "cells.lib").write_text(text, encoding="utf-8")
    told = refused("synthesize", array, "--liberty", tmp_path / "cells.lib")
    assert "no D flip-flop can be used: DFF_X1 (it is not clocked by the rising edge of one pin: !CK)" in told


def test_a_missing_liberty_file_is_told(refused: Refused, array: Path, tmp_path: Path) -> None:
    assert "none.lib" in refused("synthesize", array, "--liberty", tmp_path / "none.lib")
