from __future__ import annotations

from pathlib import Path

from benchmarks.store import Stopwatch, Store


def test_a_result_counts_only_with_the_settings_it_was_made_with(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.get("a", {"epochs": 1}) is None
    store.put("a", {"epochs": 1, "shape": (1, 2)}, {"accuracy": 0.5})
    assert store.get("a", {"epochs": 1, "shape": (1, 2)}) == {"accuracy": 0.5}
    assert store.get("a", {"epochs": 2, "shape": (1, 2)}) is None


def test_a_damaged_result_is_made_anew(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put("a", {}, {"accuracy": 0.5})
    path = store.path("results", "a.json")
    path.write_text(path.read_text()[:10])
    assert store.get("a", {}) is None


def test_seconds_of_earlier_attempts_count(tmp_path: Path) -> None:
    path = tmp_path / "seconds"
    path.write_text("120.5")
    assert 120.5 <= Stopwatch(path).seconds < 180
