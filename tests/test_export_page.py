"""The commands and the Python of docs/export.md do what stands there."""

from __future__ import annotations

import contextlib
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codesign.cli.app import main
from compress.exchange.formats import export_model
from compress.exchange.npz import layer_arrays
from compress.model.compressed_model import CompressedModel
from compress.storage.archive import read_model

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")


def test_the_pages_commands_and_blocks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    commands = re.findall(r"^codesign (export examples/.*)$", PAGE, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        with pytest.raises(SystemExit) as stopped:
            main(command.split())
        assert stopped.value.code == 0
    (first, shown), (second, _) = re.findall(r"```python\n(.*?)```(?:\n+```\n(.*?)```)?", PAGE, re.DOTALL)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(first, {})
    assert printed.getvalue() == shown
    names: dict[str, Any] = {}
    unfolded = _unfolded(read_model(ROOT / "examples" / "lenet5-305x.packed"))
    export_model(unfolded, tmp_path / "lenet5.pt")
    exec(second, names)
    for layer in unfolded.layers:
        weight = names["network"].get_parameter(f"{layer.name}.weight").detach().numpy()
        assert np.array_equal(np.rint(weight / layer.interval).reshape(layer.levels.shape), layer.levels)


def _unfolded(model: CompressedModel) -> CompressedModel:
    """Layers of the network's own sizes, as a run gives them whose filters all keep weights."""
    random = np.random.default_rng(0)
    layers = []
    for layer in model.layers:
        geometry = layer.dense_geometry
        levels = random.choice([-1, 0, 1], geometry.weight_shape).astype(np.int16)
        bias, reads = np.zeros(len(levels), np.int32), geometry.input_shape
        layers.append(replace(layer, levels=levels, bias=bias, input_shape=reads, dense_shape=None))
    return CompressedModel.chain(tuple(layers), model.provenance)


def test_the_table_has_every_array() -> None:
    layer = read_model(ROOT / "examples" / "lenet5-305x.packed").layers[0]
    rows = re.findall(r"^\| (`.*?) \| \w", PAGE, re.MULTILINE)
    told = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(told) == sorted(layer_arrays(layer))
