from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex

from codesign.report.plots import PLOTS, draw
from codesign.report.theme import LIGHT, THEMES, Theme
from tests.codesign.reports import small_report, typed


@pytest.fixture
def report() -> dict[str, Any]:
    return small_report()


@pytest.mark.parametrize("name", PLOTS)
@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_every_picture_is_drawn_on_its_themes_ground(report: dict[str, Any], name: str, theme: Theme) -> None:
    assert to_hex(draw(name, typed(report), theme).get_facecolor()) == theme.background


def test_a_report_of_before_the_pictures_of_training_is_still_drawn(report: dict[str, Any]) -> None:
    for key in ("training", "admm_histograms"):
        del report[key]
    for name in PLOTS:
        draw(name, typed(report), LIGHT)


def test_the_tolerance_of_each_run_is_in_the_picture(report: dict[str, Any]) -> None:
    settings = {"prune": {"tolerance": 0.25}, "quantize": {"tolerance": 0.5}}
    figure = draw("convergence", typed({**report, "settings": {"compress": settings}}), LIGHT)
    drawn = [line for axes in figure.axes[:2] for line in axes.get_lines() if line.get_label() == "tolerance"]
    assert [np.array(line.get_ydata()).tolist() for line in drawn] == [[0.25, 0.25], [0.5, 0.5]]


def test_a_run_without_iterations_has_no_panel_of_residuals(report: dict[str, Any]) -> None:
    drawn = typed({**report, "admm": {**report["admm"], "prune": []}})
    assert [
        axes.get_title(loc="left") for axes in draw("convergence", drawn, LIGHT).axes if axes.get_title(loc="left")
    ] == ["quantize"]
