"""A model on an array that is smaller than its layers, and one with groups, by the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codesign.cli.app import main
from compress.base.errors import CodesignError
from compress.model.model_file import save_model
from sim.simulate.simulator import find_simulator
from tests.codesign.models import grouped_model, small_model


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    told = capsys.readouterr()
    assert stopped.value.code == 0, told.err
    return told.out


def test_a_model_runs_in_parts_on_an_array_with_small_banks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        find_simulator()
    except CodesignError as error:
        pytest.skip(error.cause)
    model, array = tmp_path / "model.safetensors", tmp_path / "array"
    save_model(small_model(), model)
    limits = ["--weight-depth", 40, "--activation-depth", 40, "--linear-batch", 2]
    made = json.loads(
        call(capsys, "generate", model, "--out", array, "--rows", 2, "--lanes", 2, *limits, "--prefix", "my", "--json")
    )
    assert set(made["cycles"]) == {"conv", "linear"}
    assert (made["array"]["weight_depth"], made["array"]["activation_depth"]) == (40, 40)
    result = json.loads(call(capsys, "simulate", model, array, "--images", 2, "--linear-batch", 2, "--json"))
    assert result["bit_exact"]
    assert result["cycle_exact"]
    assert result["cycles"] == made["cycles"]
    assert all(layer["runs"] > 1 for layer in result["layers"])


def test_an_array_is_generated_for_a_model_with_groups(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_model(grouped_model(), tmp_path / "grouped.safetensors")
    made = json.loads(call(capsys, "generate", tmp_path / "grouped.safetensors", "--out", tmp_path / "array", "--json"))
    assert made["array"]["bias_depth"] == 2  # the filters of one group


def test_a_dense_array_with_a_prefix_runs_a_pruned_model_over_its_axi_ports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        find_simulator()
    except CodesignError as error:
        pytest.skip(error.cause)
    model, array = tmp_path / "model.safetensors", tmp_path / "array"
    save_model(small_model(), model)
    shape = ["--rows", 2, "--lanes", 4, "--linear-batch", 2, "--index", "dense"]
    made = json.loads(call(capsys, "generate", model, "--out", array, *shape, "--prefix", "left", "--json"))
    assert made["array"]["index"] == "dense0"
    options = ["--images", 2, "--linear-batch", 2, "--through", "axi", "--json"]
    result = json.loads(call(capsys, "simulate", model, array, *options))
    assert result["bit_exact"]
    assert result["cycles"] == made["cycles"]


def test_a_prefix_that_is_no_name_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["generate", "--preset", "tiny", "--out", str(tmp_path), "--prefix", "2nd"])
    assert stopped.value.code == 2
    assert "'2nd'" in capsys.readouterr().err
