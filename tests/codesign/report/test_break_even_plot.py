from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from codesign.report.break_even_plot import MOST_NAMED
from codesign.report.plots import draw
from codesign.report.theme import LIGHT, THEMES, Theme
from tests.codesign.reports import small_report, typed


@pytest.fixture
def report() -> dict[str, Any]:
    return small_report()


def with_layers(report: dict[str, Any], ratios: list[float | None]) -> dict[str, Any]:
    """The report of so many layers "0", "1" ... alike but for their break-even ratios; None never gains."""
    layer, curve = report["layers"][0], report["break_even"][0]
    told = [{"low": 1.0, "high": ratio, "kind": "at_most" if ratio else "never"} for ratio in ratios]
    return {
        **report,
        "layers": [{**layer, "name": str(n), "break_even_ratio": ratio} for n, ratio in enumerate(told)],
        "break_even": [{**curve, "layer": str(n), "break_even_ratio": ratio} for n, ratio in enumerate(told)],
    }


def named(axes: Axes) -> list[str]:
    labels = axes.get_legend_handles_labels()[1]
    return [label.split("  ")[0] for label in labels]


def test_a_portion_without_an_array_is_a_cross_on_the_edge_and_no_point_of_the_line(report: dict[str, Any]) -> None:
    axes = draw("break_even", typed(report), LIGHT).axes[0]
    lines = {str(line.get_label()): np.array(line.get_xdata()).tolist() for line in axes.get_lines()}
    assert lines["conv  (break-even: 1.50×)"] == [30, 90]
    assert lines["linear  (break-even: never)"] == [30, 90]
    assert lines["_unfit"] == [10]


@pytest.mark.parametrize("count", [1, MOST_NAMED])
def test_few_layers_are_all_named(report: dict[str, Any], count: int) -> None:
    axes = draw("break_even", typed(with_layers(report, [1.5] * count)), LIGHT).axes[0]
    assert named(axes) == [str(number) for number in range(count)]


def test_of_many_layers_those_that_need_the_most_pruning_are_named(report: dict[str, Any]) -> None:
    ratios = [None, 1.1, 1.9, 1.2, 1.8, 1.7, 1.3, 1.6]
    axes = draw("break_even", typed(with_layers(report, ratios)), LIGHT).axes[0]
    assert set(named(axes)) == {"0", "2", "4", "5", "7", "3 other layers"}
    curves = [line for line in axes.get_lines() if np.array(line.get_xdata()).tolist() == [30, 90]]
    assert len(curves) == len(ratios)
    assert [line.get_color() for line in curves].count(LIGHT.faint) == 3


def test_the_ratio_of_the_others_is_told_where_it_is_known(report: dict[str, Any]) -> None:
    gains: list[float | None] = [1.25] * 6
    never: list[float | None] = [None] * 7
    for ratios, told in ((gains, "1 other layer  (break-even: at most 1.25×)"), (never, "2 other layers")):
        axes = draw("break_even", typed(with_layers(report, ratios)), LIGHT).axes[0]
        assert told in axes.get_legend_handles_labels()[1]


def covers_axes(figure: Figure) -> bool:
    """Whether the figure's legend reaches into its axes."""
    FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]
    (legend,) = figure.legends
    return legend.get_window_extent().overlaps(figure.axes[0].get_window_extent())


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("count", [MOST_NAMED + 1, 20, 50])
def test_a_legend_of_many_layers_covers_no_curve(report: dict[str, Any], theme: Theme, count: int) -> None:
    assert not covers_axes(draw("break_even", typed(with_layers(report, [1.5] * count)), theme))


def test_a_ring_lies_on_the_drawn_line(report: dict[str, Any]) -> None:
    axes = draw("break_even", typed(with_layers(report, [1.5])), LIGHT).axes[0]
    (ring,) = (line for line in axes.get_lines() if line.get_fillstyle() == "none")
    (curve,) = (line for line in axes.get_lines() if str(line.get_label()).startswith("0"))
    ((portion, speedup),) = np.array(ring.get_xydata())
    (first, low), (last, high) = np.array(curve.get_xydata())
    assert np.log2(speedup / low) / np.log2(high / low) == pytest.approx((portion - first) / (last - first))
