from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import results as module
from benchmarks.results import Results, Stopwatch

MAKER = "compress.sets.masks"


def test_a_result_counts_only_with_the_settings_it_was_made_with(tmp_path: Path) -> None:
    results = Results(tmp_path)
    assert results.get(MAKER, "a", {"epochs": 1}) is None
    results.put(MAKER, "a", {"epochs": 1, "shape": (1, 2)}, {"accuracy": 0.5})
    assert results.get(MAKER, "a", {"epochs": 1, "shape": (1, 2)}) == {"accuracy": 0.5}
    assert results.get(MAKER, "a", {"epochs": 2, "shape": (1, 2)}) is None
    assert results.get(MAKER, "b", {"epochs": 1, "shape": (1, 2)}) is None


def test_other_source_makes_result_and_checkpoints_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = Results(tmp_path)
    results.put(MAKER, "a", {}, {"accuracy": 0.5})
    work = results.work(MAKER, "a", {})
    assert work == results.work(MAKER, "a", {})
    monkeypatch.setattr(module, "source_digest", lambda *names: "edited")
    assert results.get(MAKER, "a", {}) is None
    assert results.work(MAKER, "a", {}) != work


def test_seconds_of_earlier_attempts_count(tmp_path: Path) -> None:
    path = tmp_path / "seconds"
    path.write_text("120.5")
    assert 120.5 <= Stopwatch(path).seconds < 180
