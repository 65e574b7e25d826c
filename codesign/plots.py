"""The report's pictures, each drawn from report.json alone, in a light and a dark theme."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["DARK", "LIGHT", "PLOTS", "Theme", "draw"]

Report = dict[str, Any]
WIDTH = 9.6


@dataclass(frozen=True)
class Theme:
    """Colours of text, grid and background; series colours are told apart also without hue."""

    name: str
    background: str
    text: str
    faint: str
    grid: str
    series: tuple[str, ...]

    @property
    def accent(self) -> str:
        """The main series."""
        return self.series[0]


LIGHT = Theme(
    "light",
    "#ffffff",
    "#1d2733",
    "#6b7785",
    "#e4e8ed",
    ("#0b6bcb", "#d9480f", "#2b8a3e", "#9c36b5", "#c2255c", "#5c7080"),
)
DARK = Theme(
    "dark",
    "#161b22",
    "#e6ebf1",
    "#95a1af",
    "#2b333d",
    ("#58a6ff", "#ff9350", "#56d27b", "#d38bf0", "#ff7aa8", "#a3b1c0"),
)
MARKERS = ("o", "s", "D", "^", "v", "P")


def draw(name: str, report: Report, theme: Theme) -> Figure:
    """The picture called ``name``, a key of ``PLOTS``."""
    with _style(theme):
        figure = PLOTS[name](report, theme)
        figure.set_facecolor(theme.background)
    return figure


@contextmanager
def _style(theme: Theme) -> Iterator[None]:
    settings: Any = {
        "figure.facecolor": theme.background,
        "axes.facecolor": theme.background,
        "axes.edgecolor": theme.grid,
        "axes.labelcolor": theme.text,
        "axes.titlecolor": theme.text,
        "axes.titlesize": 11,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": theme.grid,
        "grid.linewidth": 0.8,
        "text.color": theme.text,
        "xtick.color": theme.faint,
        "ytick.color": theme.faint,
        "font.size": 10,
        "font.family": "DejaVu Sans",
        "legend.frameon": False,
        "legend.labelcolor": theme.text,
        "lines.linewidth": 2.0,
    }
    with mpl.rc_context(settings):
        yield


def break_even(report: Report, theme: Theme) -> Figure:
    """Speedup in equal area over pruned portion, a line a layer; rings mark the portions that were chosen."""
    figure = Figure((WIDTH, 4.6), layout="constrained")
    axes = figure.add_subplot()
    chosen = {layer["name"]: 1 - layer["alpha"] for layer in report["layers"] if not layer["restored"]}
    for number, entry in enumerate(report["break_even"]):
        points = [point for point in entry["curve"] if point["index"] != "dense"]
        portions = np.array([100 * point["pruned_portion"] for point in points])
        speedups = np.array([point["speedup"] for point in points])
        color, marker = theme.series[number % len(theme.series)], MARKERS[number % len(MARKERS)]
        ratio = entry["break_even_ratio"]
        label = f"{entry['layer']}  (break-even {ratio:.2f}×)" if ratio else f"{entry['layer']}  (never)"
        axes.plot(portions, speedups, color=color, marker=marker, markersize=5, label=label)
        if entry["layer"] in chosen and len(points):
            _ring(axes, 100 * chosen[entry["layer"]], portions, speedups, color)
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
    _speedup_scale(axes)
    axes.set_xlim(0, 102)
    axes.set_xlabel("pruned portion of the layer's weights, %")
    axes.set_ylabel("speedup over dense in the same area")
    axes.legend(loc="upper left", title="layer", alignment="left")
    return figure


def _ring(axes: Axes, portion: float, portions: Any, speedups: Any, color: str) -> None:
    """The chosen portion on its curve; past the last measured point the ring stays on that point."""
    speedup = float(np.interp(portion, portions, speedups))
    axes.plot(
        [min(portion, portions[-1])], [speedup], "o", markersize=14, fillstyle="none", color=color, markeredgewidth=1.6
    )


def _speedup_scale(axes: Axes) -> None:
    axes.set_yscale("log", base=2)
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 0.45), max(high, 2.2) * 1.05)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}×")
    axes.minorticks_off()


def weights(report: Report, theme: Theme) -> Figure:
    """Weights of each layer before compression, and its levels after; pruned weights are a number, not a bar."""
    entries = report["histograms"]
    figure = Figure((WIDTH, 4.4), layout="constrained")
    grid = figure.subplots(2, len(entries), squeeze=False)
    for column, entry in enumerate(entries):
        _before(grid[0][column], entry, theme)
        _after(grid[1][column], entry, theme)
        grid[1][column].set_xlim(grid[0][column].get_xlim())
    grid[0][0].set_ylabel("before: trained")
    grid[1][0].set_ylabel("after: levels kept")
    figure.supxlabel("weight", fontsize=10)
    return figure


def _before(axes: Axes, entry: dict[str, Any], theme: Theme) -> None:
    before = entry["before"]
    axes.stairs(before["counts"], before["edges"], fill=True, color=theme.faint)
    limit = max(abs(before["edges"][0]), abs(before["edges"][-1]), _largest_after(entry)) * 1.02
    axes.set_xlim(-limit, limit)
    axes.set_title(entry["layer"])
    axes.tick_params(labelbottom=False)
    axes.grid(axis="x", visible=False)


def _largest_after(entry: dict[str, Any]) -> float:
    """Outer edge of the last bar."""
    return (max(abs(level) for level in entry["after"]["levels"]) + 0.5) * float(entry["after"]["interval"])


def _after(axes: Axes, entry: dict[str, Any], theme: Theme) -> None:
    after = entry["after"]
    levels, counts = np.array(after["levels"]), np.array(after["counts"])
    kept = levels != 0
    interval = after["interval"]
    axes.bar(levels[kept] * interval, counts[kept], width=0.7 * interval, color=theme.accent)
    pruned = int(counts[~kept].sum())
    axes.set_ylim(0, max(1, counts[kept].max(initial=1)) * 1.35)
    axes.text(
        0.5,
        0.97,
        f"{pruned:,} pruned\n({pruned / counts.sum():.0%})",
        ha="center",
        va="top",
        transform=axes.transAxes,
        fontsize=8.5,
        color=theme.faint,
    )
    axes.grid(axis="x", visible=False)


def times(report: Report, theme: Theme) -> Figure:
    """Time of each layer on the dense array and on the chosen one, for one sample."""
    layers = report["layers"]
    figure = Figure((WIDTH, 0.9 + 0.75 * len(layers)), layout="constrained")
    axes = figure.add_subplot()
    places = np.arange(len(layers))
    dense = [layer["dense_time"] / 1000 for layer in layers]
    chosen = [layer["time"] / 1000 for layer in layers]
    axes.barh(places - 0.2, dense, 0.36, color=theme.faint, label="dense array, all weights")
    axes.barh(places + 0.2, chosen, 0.36, color=theme.accent, label="chosen array, compressed weights")
    for place, layer, time in zip(places, layers, chosen, strict=True):
        text = f" {layer['speedup']:.2f}×" + (" slower" if layer["speedup"] < 1 else "")
        axes.text(time, place + 0.2, text, va="center", fontsize=9.5, fontweight="bold", color=theme.text)
    axes.set_yticks(places, [layer["name"] for layer in layers])
    axes.tick_params(axis="y", labelcolor=theme.text, length=0)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"time for one sample, thousand {report['units']['time']}")
    axes.legend(loc="lower right")
    return figure


def convergence(report: Report, theme: Theme) -> Figure:
    """Relative residuals of both ADMM runs, a line a layer."""
    figure = Figure((WIDTH, 3.4), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    names = [layer["name"] for layer in report["layers"]]
    for axes, (title, steps) in zip(panels, report["admm"].items(), strict=True):
        axes.set_title(title)
        axes.set_yscale("log")
        axes.set_xlabel("iteration")
        for number, name in enumerate(names):
            series = [
                _relative(residual)
                for step in steps
                for residual in step["residuals"]
                if residual["constraint"] == name
            ]
            if series:
                color, marker = theme.series[number % len(theme.series)], MARKERS[number % len(MARKERS)]
                axes.plot(range(1, len(series) + 1), series, color=color, marker=marker, markersize=3.5, label=name)
    panels[0].set_ylabel("residual / ‖Z‖²")
    drawn = next((axes for axes in panels if axes.get_legend_handles_labels()[0]), None)
    if drawn is not None:
        drawn.legend(loc="upper right")
    return figure


def _relative(residual: dict[str, float]) -> float:
    """The larger of both residuals (000 eq. (12)); a floor keeps exact zeros on a log scale."""
    return max(max(residual["primal"], residual["dual"]) / max(residual["size"], 1e-30), 1e-9)


PLOTS: dict[str, Callable[[Report, Theme], Figure]] = {
    "break_even": break_even,
    "times": times,
    "weights": weights,
    "convergence": convergence,
}
