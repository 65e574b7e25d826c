"""What ``codesign breakeven`` prints of the curves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codesign.cli import commands
from codesign.loop.workspace import Workspace
from codesign.settings.run_file import load_config
from flows.search.break_even_ratio import BreakEvenRatio
from flows.technology.technology import generic_technology
from rtl.config import ArrayConfig

RUN = """
[network]
name = "digits-net"
[data]
name = "digits"
[breakeven]
portions = [0.1, 0.5]
"""


def point(portion: float, speedup: float | None) -> dict[str, Any]:
    config = ArrayConfig(rows=4, lanes=8).to_dict()
    array = {"rows": 4, "lanes": 8, "requant_lanes": 1, "area": 9.0, "clock": 3.0, "cycles": 5, "index": "fixed4"}
    members = {**array, "critical": "pe", "config": config}
    if speedup is None:
        members = dict.fromkeys(members)
    return {"pruned_portion": portion, "speedup": speedup, **members}


def curve(layer: str, ratio: BreakEvenRatio, *points: tuple[float, float | None]) -> dict[str, Any]:
    units = {"indices": ["fixed4"], "budget": 9.0, "area_unit": "GE", "time_unit": "FO4"}
    measured = {"dense": point(0.0, 1.0), "points": [point(*each) for each in points]}
    return {"layer": layer, "break_even_ratio": ratio.to_dict(), **units, **measured}


def test_bounds_and_portions_that_do_not_fit_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run.toml").write_text(RUN)
    curves = [
        curve("conv", BreakEvenRatio(1.0, 1 / 0.99), (0.01, 1.01), (0.1, 1.2), (0.5, 1.5)),
        curve("fc", BreakEvenRatio(1.23, 1.25), (0.1, None), (0.19, 0.9), (0.2, 1.1), (0.5, 2.25)),
    ]
    told = {"technology": generic_technology().describe(), "curves": curves}
    (tmp_path / "break_even.json").write_text(json.dumps(told))
    workspace = Workspace(load_config(tmp_path / "run.toml", quick=False), tmp_path)
    monkeypatch.setattr(commands, "_stages", lambda *_: workspace)
    commands.breakeven(tmp_path / "run.toml", tmp_path, quick=False, fresh=False, json=False)
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in capsys.readouterr().out.splitlines()]
    assert ["conv", "at most 1.01×", "1.20", "1.50"] in rows
    assert ["fc", "1.25×", "does not fit", "2.25"] in rows
