from __future__ import annotations

from pathlib import Path

import pytest

from compress.model.model_file import save_model
from tests.codesign.cli.test_app import call
from tests.codesign.models import small_model
from tests.codesign.refusals import Refused


@pytest.mark.parametrize("name", ["onnx", "qonnx"])
def test_an_exported_model_comes_back_byte_for_byte(name: str, tmp_path: Path) -> None:
    model, again, exported = (tmp_path / each for each in ("model.safetensors", "again.safetensors", "model.onnx"))
    save_model(small_model(), model)
    assert call("export", str(model), "--format", name, "--out", str(exported)) == 0
    assert call("import", str(exported), "--out", str(again), "--json") == 0
    assert again.read_bytes() == model.read_bytes()


def test_a_file_that_is_no_model_is_told(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"nonsense")
    assert "not an ONNX file" in refused("import", tmp_path / "a.onnx", "--out", tmp_path / "a.safetensors")
    assert not (tmp_path / "a.safetensors").exists()


def test_a_model_under_another_programs_name_is_refused(refused: Refused, tmp_path: Path) -> None:
    told = refused("import", tmp_path / "a.onnx", "--out", tmp_path / "model.pt")
    assert "a model is a .safetensors file" in told
    assert "model.safetensors" in told
