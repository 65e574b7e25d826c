from __future__ import annotations

from pathlib import Path

import pytest

from compress.base.errors import CodesignError
from compress.exchange.formats import export_model
from compress.exchange.onnx_files import package
from compress.model.compressed_model import CompressedModel


def test_a_missing_package_is_told_with_what_installs_it(
    model: CompressedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "find_spec", lambda name: None)
    with pytest.raises(CodesignError, match="need the package onnx") as caught:
        export_model(model, tmp_path / "model.onnx")
    assert "codesign[onnx]" in caught.value.next_step
    assert not (tmp_path / "model.onnx").exists()
