from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from compress.model.model_file import save_model
from compress.storage.archive import save_archive
from tests.codesign.cli.test_app import call
from tests.codesign.models import small_model
from tests.codesign.refusals import Refused


@pytest.mark.parametrize("out", ["weights.safetensors", "weights.pt", "weights.npz"])
def test_a_model_and_its_archive_give_one_file(out: str, tmp_path: Path) -> None:
    save_model(small_model(), tmp_path / "model.safetensors")
    save_archive(small_model(), tmp_path / "model.packed")
    contents = []
    for model in ("model.safetensors", "model.packed"):
        assert call("export", str(tmp_path / model), "--out", str(tmp_path / out)) == 0
        contents.append((tmp_path / out).read_bytes())
    assert contents[0] == contents[1]


def test_the_file_and_its_format_are_told(capsys: pytest.CaptureFixture[str], model: Path, tmp_path: Path) -> None:
    out = tmp_path / "weights.safetensors"
    assert call("export", str(model), "--format", "state-dict", "--out", str(out), "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"file": str(out), "format": "state-dict"}
    assert all(tensor.dtype == np.float32 for tensor in load_file(out).values())


def test_what_cannot_be_exported_is_told(refused: Refused, model: Path, tmp_path: Path) -> None:
    assert "there is no format 'tflite'" in refused("export", model, "--format", "tflite", "--out", tmp_path / "a.npz")
    assert "not clear" in refused("export", model, "--out", tmp_path / "a")
    assert "cannot read the model" in refused("export", tmp_path / "none", "--out", tmp_path / "a.npz")
