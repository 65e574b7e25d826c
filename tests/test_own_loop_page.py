"""The examples of docs/own-loop.md run, and reach what they are for."""

from __future__ import annotations

import contextlib
import io
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from compress.lowering.integerize import integerize
from compress.train.settings import torch_threads

PAGE = (Path(__file__).parents[1] / "docs" / "own-loop.md").read_text(encoding="utf-8")
SHARED, OURS, LEVELS, TORCHS, TORCH_PRUNING = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
KEPT = 819  # a twentieth of fc1


def names_after(*blocks: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    with torch_threads():
        for block in blocks:
            exec(block, names)
    return names


def test_the_loop_with_our_pruner_prunes_and_quantizes() -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        names = names_after(SHARED, OURS, LEVELS)
    shown = re.search(r"([\d.]+)% with (\d+) weights in fc1\n$", printed.getvalue())
    assert shown is not None
    assert float(shown[1]) > 94
    assert int(shown[2]) == KEPT
    model, data = names["model"], names["data"]
    integers = integerize(model, names["pruner"].quantized(), data.validation, (1, 8, 8))
    assert integers.layer("fc1").nonzeros == KEPT
    assert names["accuracy"](model, data.test) > 0.94


def test_the_loop_with_torchs_sparsifier_prunes_as_much() -> None:
    assert int((names_after(SHARED, TORCHS)["model"].fc1.weight != 0).sum()) == KEPT


@pytest.mark.skipif(find_spec("torch_pruning") is None, reason="Torch-Pruning is not installed")
def test_the_loop_with_torch_pruning_halves_the_channels() -> None:
    assert names_after(SHARED, TORCH_PRUNING)["model"].fc1.out_features == 16


def test_every_block_is_python() -> None:
    for block in (SHARED, OURS, LEVELS, TORCHS, TORCH_PRUNING):
        compile(block, "docs/own-loop.md", "exec")
