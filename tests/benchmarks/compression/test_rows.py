import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.compression.rows import commits_of, merged, read_earlier
from compress.base.errors import CodesignError


def step(network: str, seed: int, ratio: float, commit: str) -> dict[str, Any]:
    return {"network": network, "seed": seed, "pruning_ratio": ratio, "commit": commit}


def trial(label: str, seed: int, commit: str, ratio: float = 2.0) -> dict[str, Any]:
    about = {"group": "options", "start": "lenet5", "label": label}
    return {**about, "seed": seed, "commit": commit, "pruning_ratio": ratio}


def test_all_steps_of_a_run_are_replaced_and_other_runs_stay() -> None:
    earlier = [step("a", 0, 10, "old"), step("a", 0, 20, "old"), step("a", 1, 10, "old"), step("b", 0, 10, "old")]
    found = merged("results", earlier, [step("a", 0, 30, "new"), step("c", 0, 5, "new")])
    assert [(row["network"], row["seed"], row["pruning_ratio"], row["commit"]) for row in found] == [
        ("a", 0, 30, "new"),
        ("a", 1, 10, "old"),
        ("b", 0, 10, "old"),
        ("c", 0, 5, "new"),
    ]


def test_a_trial_replaces_the_one_of_its_label_seed_and_ratio() -> None:
    earlier = [trial("x", 0, "old"), trial("x", 1, "old"), trial("x", 0, "old", ratio=3.33)]
    found = merged("trials", earlier, [trial("x", 1, "new"), trial("y", 0, "new")])
    assert [row["commit"] for row in found] == ["old", "new", "old", "new"]


def test_a_comparison_is_that_of_its_method_and_penalty() -> None:
    row = {"network": "a", "uniform": True, "method": "admm", "seed": 0, "pruning_ratio": 2.0004, "rho": [1.0, 1.0]}
    other = {**row, "rho": [0.01, 0.01]}
    assert merged("comparisons", [row, other], [{**row, "pruning_ratio": 2.0}]) == [
        {**row, "pruning_ratio": 2.0},
        other,
    ]


def test_the_commits_of_rows_are_named_once_each() -> None:
    rows = [trial("x", 0, "a1"), trial("y", 0, "b2"), trial("z", 0, "a1"), {"group": "options"}]
    assert commits_of(rows) == "Measured at commit a1, b2, unknown."
    assert commits_of([]) == ""


def test_what_was_measured_before_is_read(tmp_path: Path) -> None:
    empty: dict[str, Any] = {"results": [], "comparisons": [], "trials": []}
    assert read_earlier(None) == read_earlier(tmp_path / "none.json") == empty
    (tmp_path / "some.json").write_text(json.dumps({"trials": [1], "costs": {}}))
    assert read_earlier(tmp_path / "some.json") == {**empty, "trials": [1], "costs": {}}
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(CodesignError, match=r"bad\.json is no result"):
        read_earlier(tmp_path / "bad.json")
