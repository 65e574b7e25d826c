from __future__ import annotations

from pathlib import Path

import pytest

from compress.base.errors import CodesignError
from compress.exchange.formats import EXPORT_FORMATS, export_model
from compress.model.compressed_model import CompressedModel

SUFFIXES = [(name, suffix) for name, entry in EXPORT_FORMATS.items() if name != "qonnx" for suffix in entry.suffixes]


@pytest.mark.parametrize(("name", "suffix"), SUFFIXES)
def test_a_suffix_names_its_format(name: str, suffix: str, model: CompressedModel, tmp_path: Path) -> None:
    by_suffix, by_name = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    assert export_model(model, by_suffix).name == export_model(model, by_name, name).name == name
    assert by_suffix.read_bytes() == by_name.read_bytes()


def test_every_format_is_found_by_its_name() -> None:
    assert all(entry.name == name for name, entry in EXPORT_FORMATS.items())


def test_onnx_files_are_plain_onnx_unless_qonnx_is_asked_for(model: CompressedModel, tmp_path: Path) -> None:
    assert export_model(model, tmp_path / "plain.onnx").name == "onnx"
    assert export_model(model, tmp_path / "model.onnx", "qonnx").name == "qonnx"


@pytest.mark.parametrize(
    ("path", "name", "told"),
    [
        ("model", None, "not clear from its name"),
        ("model.bin", None, ".npz"),
        ("model.npz", "state-dict", "does not end like"),
        ("model.npz", "tflite", "there is no format 'tflite'"),
        ("folder.npz", "npz", "is a folder"),
    ],
)
def test_a_path_or_format_that_cannot_be_is_told(
    path: str, name: str | None, told: str, model: CompressedModel, tmp_path: Path
) -> None:
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(CodesignError) as raised:
        export_model(model, tmp_path / path, name)
    assert told in str(raised.value)
    assert [file.name for file in tmp_path.iterdir()] == ["folder.npz"]
