"""The commands and the Python of docs/export.md do what stands there."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codesign.cli.app import main
from compress.exchange.npz import layer_arrays
from compress.storage.archive import read_model

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")


def test_the_pages_commands_and_blocks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    commands = re.findall(r"^codesign (export .*)$", PAGE, re.MULTILINE)
    assert len(commands) == 4
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
    exec(second, names)
    for layer in read_model(ROOT / "examples" / "lenet5-305x.packed").layers:
        weight = names["network"].get_parameter(f"{layer.name}.weight").detach().numpy()
        assert np.array_equal(np.rint(weight / layer.interval).reshape(layer.levels.shape), layer.levels)


def test_the_table_has_every_array() -> None:
    layer = read_model(ROOT / "examples" / "lenet5-305x.packed").layers[0]
    rows = re.findall(r"^\| (`.*?) \| \w", PAGE, re.MULTILINE)
    told = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(told) == sorted(layer_arrays(layer))
