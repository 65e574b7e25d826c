"""The picture of the break-even curves: where the pruning of each layer starts to pay."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from codesign.loop.figures import ArrayPoint
from codesign.report.report import CurveFigures, Report
from codesign.report.theme import Theme, line_style

__all__ = ["MOST_NAMED", "break_even"]

MOST_NAMED = 5  # layers with a name and a colour; the theme's sixth is a grey, as the faint lines are


def break_even(report: Report, theme: Theme) -> Figure:
    """Speedup in equal area over pruned portion, one line per layer; rings mark the portions that were chosen.

    Of more than ``MOST_NAMED`` layers those with the highest break-even ratios have names, the others are faint.
    """
    figure = Figure((theme.width, 4.6), layout="constrained")
    axes = figure.add_subplot()
    chosen = {layer.name: 1 - layer.alpha for layer in report.layers if not layer.restored}
    named = _named(report.break_even)
    others = [entry for entry in report.break_even if entry not in named]
    for entry in others:
        _draw(axes, entry, chosen.get(entry.layer), color=theme.faint, linewidth=0.9)
    if others:
        axes.plot([], [], color=theme.faint, linewidth=0.9, label=_others_label(others))
    for number, entry in enumerate(named):
        label = f"{entry.layer}  (break-even: {entry.break_even_ratio})"
        _draw(axes, entry, chosen.get(entry.layer), **line_style(number, theme), markersize=5, label=label)
    _dense_line(axes, theme)
    _speedup_scale(axes)
    axes.set_xlim(0, 102)
    axes.set_xlabel("pruned portion of the layer's weights, %")
    axes.set_ylabel("speedup over dense in the same area")
    _legend(figure, axes, theme, crowded=bool(others))
    return figure


def _named(entries: Sequence[CurveFigures]) -> list[CurveFigures]:
    """The ``MOST_NAMED`` that need the most pruning to pay, in the order of the network."""
    highest = sorted(entries, key=_ratio, reverse=True)[:MOST_NAMED]
    return [entry for entry in entries if entry in highest]


def _ratio(entry: CurveFigures) -> float:
    """Pruned this far the layer gains; infinite where it never does."""
    high = entry.break_even_ratio.high
    return math.inf if high is None else high


def _others_label(others: Sequence[CurveFigures]) -> str:
    highest = max(map(_ratio, others))
    told = f"{len(others)} other layer{'s' if len(others) > 1 else ''}"
    return f"{told}  (break-even: at most {highest:.2f}×)" if math.isfinite(highest) else told


def _draw(axes: Axes, entry: CurveFigures, chosen: float | None, *, color: str, **style: Any) -> None:
    """A layer's curve, its portions that fit no array, and a ring on the portion that was chosen."""
    points = [point for point in entry.points if point.speedup is not None]
    portions = np.array([100 * point.pruned_portion for point in points])
    speedups = np.array([point.speedup for point in points])
    axes.plot(portions, speedups, color=color, **{"label": "_other", **style})
    _mark_unfit(axes, entry.points, color)
    if chosen is not None and points:
        _ring(axes, 100 * chosen, portions, speedups, color, is_named="label" in style)


def _mark_unfit(axes: Axes, points: Sequence[ArrayPoint], color: str) -> None:
    """A cross on the lower edge for each portion that no sparse array fits."""
    portions = [100 * point.pruned_portion for point in points if point.speedup is None]
    axes.plot(portions, [0.02] * len(portions), "x", color=color, transform=axes.get_xaxis_transform(), label="_unfit")


def _ring(axes: Axes, portion: float, portions: Any, speedups: Any, color: str, is_named: bool) -> None:
    """The chosen portion on its curve; past the last measured point the ring stays on that point."""
    speedup = 2 ** float(np.interp(portion, portions, np.log2(speedups)))  # lines are straight on the logarithmic scale
    size, width = (14, 1.6) if is_named else (7, 0.9)
    place = [min(portion, portions[-1])], [speedup]
    axes.plot(*place, "o", markersize=size, fillstyle="none", color=color, markeredgewidth=width)


def _dense_line(axes: Axes, theme: Theme) -> None:
    axes.axhline(1, color=theme.text, linewidth=1.2, linestyle=(0, (4, 3)))
    axes.annotate(
        "dense, same area",
        (101, 1),
        (0, -5),
        textcoords="offset points",
        color=theme.faint,
        fontsize=9,
        ha="right",
        va="top",
    )


def _speedup_scale(axes: Axes) -> None:
    axes.set_yscale("log", base=2)
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 0.45), max(high, 2.2) * 1.05)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}×")
    axes.minorticks_off()


def _legend(figure: Figure, axes: Axes, theme: Theme, crowded: bool) -> None:
    """In the empty corner of a wide picture of few layers, else below the axes, where no curve is."""
    if not theme.is_narrow and not crowded:
        axes.legend(loc="upper left", title="layer", alignment="left")
        return
    handles, labels = axes.get_legend_handles_labels()
    if crowded:  # the faint ones last
        handles, labels = [*handles[1:], handles[0]], [*labels[1:], labels[0]]
    columns = 1 if theme.is_narrow else 2
    title = f"layers with the {MOST_NAMED} highest break-even ratios" if crowded else "layer"
    figure.legend(handles, labels, loc="outside lower left", ncols=columns, title=title, alignment="left")
    figure.set_figheight(4.2 + 0.22 * -(-len(labels) // columns))
