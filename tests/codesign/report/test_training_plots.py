from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch

from codesign.report.theme import DARK, LIGHT, Theme, line_style
from codesign.report.training_plots import MOST_LAYERS, draw_histograms, draw_losses, draw_residuals
from compress.admm.iteration import AdmmStep
from compress.admm.split_variables import Residual
from compress.data.task import Metric
from compress.train.histograms import weight_histograms
from compress.train.training import EpochRecord

EMPTY = "nothing was recorded"


def steps(residuals: list[dict[str, tuple[float, float, float]]]) -> list[dict[str, Any]]:
    """ADMM steps as a stage stores them, from (primal, dual, size) of each layer."""
    return [
        asdict(AdmmStep(k, 0.1, 1 / (k + 1), 0.9 + k / 100, tuple(Residual(n, *v) for n, v in of_layer.items())))
        for k, of_layer in enumerate(residuals)
    ]


def epochs(*lengths: int) -> list[dict[str, Any]]:
    return [asdict(EpochRecord(epoch, 0.5 + epoch, 0.4, 0.8)) for length in lengths for epoch in range(length)]


def lines(axes: Axes) -> dict[str, tuple[list[float], list[float]]]:
    """x and y of every labelled line."""
    found = {str(line.get_label()): line for line in axes.get_lines()}
    return {
        label: (np.array(line.get_xdata()).tolist(), np.array(line.get_ydata()).tolist())
        for label, line in found.items()
        if not label.startswith("_")
    }


def says(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


THREE = steps([{"a": (4.0, 1.0, 2.0), "b": (1.0, 0.0, 4.0)}, {"a": (2.0, 0.5, 1.0), "b": (3.0, 6.0, 3.0)}])
residual = st.tuples(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(1e-6, 1e6))


@settings(max_examples=10)  # each draws a figure
@example([{"a": (0.0, 0.0, 1.0), "b": (1.0, 0.0, 1.0)}])
@given(st.lists(st.fixed_dictionaries({"a": residual, "b": residual}), min_size=1, max_size=5))
def test_residuals_are_drawn_as_recorded(recorded: list[dict[str, tuple[float, float, float]]]) -> None:
    figure = draw_residuals({"prune": steps(recorded)}, LIGHT)
    figure.draw_without_rendering()
    primal, dual = figure.axes
    for name in "ab":
        iterations = [float(k + 1) for k in range(len(recorded))]
        assert lines(primal)[name] == (iterations, [step[name][0] / step[name][2] for step in recorded])
        assert lines(dual)[name] == (iterations, [step[name][1] / step[name][2] for step in recorded])


def test_every_run_has_a_column_and_a_layer_one_style() -> None:
    only_b = steps([{"b": (1.0, 1.0, 1.0)}])
    figure = draw_residuals({"prune": THREE, "quantize": only_b}, DARK, {"prune": 0.125})
    of_prune, of_quantize, _, __ = figure.axes
    assert [axes.get_title(loc="left") for axes in (of_prune, of_quantize)] == ["prune", "quantize"]
    assert lines(of_prune).keys() == {"a", "b", "tolerance"}
    assert lines(of_prune)["tolerance"][1] == [0.125, 0.125]
    assert lines(of_quantize).keys() == {"b"}
    colors = [{str(line.get_label()): line.get_color() for line in axes.get_lines()}["b"] for axes in figure.axes[:2]]
    assert colors == [line_style(1, DARK)["color"]] * 2
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b", "tolerance"]


def test_residuals_that_are_all_zero_in_one_run_only_are_drawn() -> None:
    still = steps([{"a": (0.0, 0.0, 1.0)}])
    figure = draw_residuals({"prune": still, "quantize": THREE}, LIGHT)
    figure.draw_without_rendering()
    assert lines(figure.axes[0])["a"] == ([1], [0])
    assert {axes.get_yscale() for axes in figure.axes} == {"log"}


def test_a_run_without_iterations_says_so_and_draws_no_line() -> None:
    figure = draw_residuals({"prune": [], "quantize": THREE}, LIGHT)
    assert [bool(lines(axes)) for axes in figure.axes] == [False, True, False, True]
    assert says(figure) == [EMPTY, EMPTY]


@pytest.mark.parametrize(
    "drawn",
    [
        lambda: draw_residuals({}, LIGHT),
        lambda: draw_losses({}, {}, LIGHT),
        lambda: draw_losses({"a": []}, {}, LIGHT),
        lambda: draw_histograms([], LIGHT),
    ],
    ids=["residuals", "losses", "losses of a title", "histograms"],
)
def test_nothing_at_all_is_said_too(drawn: Callable[[], Figure]) -> None:
    figure = drawn()
    assert set(says(figure)) == {EMPTY}
    assert not any(axes.get_lines() or axes.patches for axes in figure.axes)
    figure.draw_without_rendering()


def test_of_many_layers_the_worst_are_drawn_and_the_legend_tells() -> None:
    names = [f"layer{k:02}" for k in range(MOST_LAYERS + 3)]
    figure = draw_residuals({"prune": steps([{name: (k, 0.0, 1.0) for k, name in enumerate(names)}])}, LIGHT)
    assert list(lines(figure.axes[0])) == names[3:]
    assert figure.legends[0].get_title().get_text() == f"{MOST_LAYERS} of {len(names)} layers"


def test_losses_go_on_from_admm_to_retraining() -> None:
    loss, accuracy = draw_losses({"prune": THREE}, {"prune": epochs(2, 1)}, LIGHT).axes
    assert lines(loss) == {"ADMM": ([1, 2], [1, 0.5]), "retraining": ([3, 4, 5], [0.5, 1.5, 0.5])}
    drawn = lines(accuracy)
    assert [drawn[label][0] for label in ("ADMM", "retraining")] == [[1, 2], [3, 4, 5]]
    assert drawn["ADMM"][1] == pytest.approx([90, 91])
    assert drawn["retraining"][1] == pytest.approx([80, 80, 80])
    starts = [line.get_xdata() for line in loss.get_lines() if str(line.get_label()).startswith("_")]
    assert [np.array(start).tolist() for start in starts] == [[2.5, 2.5], [4.5, 4.5]]


def test_losses_without_retraining_or_without_admm_are_drawn_alone() -> None:
    loss = draw_losses({"prune": THREE}, {}, LIGHT).axes[0]
    assert lines(loss).keys() == {"ADMM"}
    loss = draw_losses({"prune": []}, {"prune": epochs(2)}, LIGHT).axes[0]
    assert lines(loss) == {"retraining": ([1, 2], [0.5, 1.5])}


def histograms(*sizes: int) -> list[dict[str, Any]]:
    """Two snapshots of layers with so many weights; all but one are zero afterwards."""
    before = {f"layer{k}": torch.linspace(-1, 1.5, size) for k, size in enumerate(sizes)}
    after = {name: torch.where(values == values.max(), values, 0) for name, values in before.items()}
    return [asdict(layer) for layer in weight_histograms({"before": before, "after": after})]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_histograms_are_drawn_as_counted(theme: Theme) -> None:
    recorded = histograms(30, 50)
    figure = draw_histograms(recorded, theme)
    assert to_hex(figure.get_facecolor()) == theme.background
    panels = iter(figure.axes)
    for layer in recorded:
        for snapshot in layer["moments"]:
            axes = next(panels)
            (steps_drawn,) = (patch for patch in axes.patches if isinstance(patch, StepPatch))
            counts, edges, _ = steps_drawn.get_data()
            assert counts.tolist() == list(snapshot["counts"])
            assert edges.tolist() == list(layer["edges"])
    assert says(figure) == ["29 zero (96.7%)", "49 zero (98.0%)"]
    assert [axes.get_title(loc="left") for axes in figure.axes[:2]] == ["before", "after"]
    assert [figure.axes[0].get_ylabel(), figure.axes[2].get_ylabel()] == ["layer0", "layer1"]


def test_of_many_layers_the_largest_are_drawn_and_the_picture_tells() -> None:
    figure = draw_histograms(histograms(*range(5, 6 + MOST_LAYERS)), LIGHT)
    assert figure.axes[0].get_ylabel() == "layer1"
    assert len(figure.axes) == 2 * MOST_LAYERS
    assert figure.get_supylabel() == f"weights in a bin (the {MOST_LAYERS} largest of {MOST_LAYERS + 1} layers)"


def test_lines_differ_in_colour_or_marker() -> None:
    styles = [tuple(line_style(number, LIGHT).values()) for number in range(36)]
    assert len(set(styles)) == 36
    assert len({marker for _, marker in styles[:6]}) == 6


def test_figures_of_another_metric_are_drawn_as_they_are() -> None:
    metric = Metric("RMSE", "m", higher_is_better=False)
    _, figures = draw_losses({"prune": THREE}, {}, LIGHT, metric).axes
    percent = draw_losses({"prune": THREE}, {}, LIGHT).axes[1]
    assert figures.get_ylabel() == "validation RMSE, m"
    assert percent.get_ylabel() == "validation accuracy, %"
    (drawn,), (hundredfold,) = ([line.get_ydata() for line in axes.get_lines()][:1] for axes in (figures, percent))
    assert np.allclose(100 * np.asarray(drawn), np.asarray(hundredfold))
