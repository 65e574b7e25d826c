"""The break-even figure: speed-up against pruned portion in equal area (003 Fig. 4)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from compress.files import replacing
from flows.breakeven import BreakEvenCurve

__all__ = ["break_even_figure", "save_figure"]

_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe-Ito: told apart by everyone
_MARKERS = "osD^vP"


def break_even_figure(curves: Sequence[BreakEvenCurve], title: str = "") -> Figure:
    """One line a curve, the dense baseline at 1, a dotted drop line and the ratio where each breaks even."""
    figure = Figure(figsize=(6.4, 4.2), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for number, curve in enumerate(curves):
        _draw(axes, curve, _COLORS[number % len(_COLORS)], _MARKERS[number % len(_MARKERS)])
    axes.axhline(1.0, color="0.35", linewidth=1, linestyle="--", zorder=1)
    axes.text(
        0.995, 1.0, "dense", transform=axes.get_yaxis_transform(), ha="right", va="bottom", color="0.35", fontsize=8
    )
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}x")
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axes.set_xlabel("weights pruned")
    axes.set_ylabel("speed-up over dense, same area")
    axes.set_title(title, fontsize=10)
    axes.grid(True, which="major", color="0.9", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if curves:
        axes.legend(frameon=False, fontsize=8, loc="upper left")
    return figure


def _draw(axes: Axes, curve: BreakEvenCurve, color: str, marker: str) -> None:
    portions = [point.pruned_portion for point in curve.points]
    speedups = [point.speedup for point in curve.points]
    ratio = curve.break_even_ratio
    told = "never breaks even" if ratio is None else f"breaks even at {ratio:.2f}x"
    label = f"{curve.layer}, {' '.join(curve.indices)}: {told}"
    axes.plot(portions, speedups, color=color, marker=marker, markersize=4, linewidth=1.5, label=label)
    if ratio is not None:
        portion = 1 - 1 / ratio
        axes.annotate(
            "",
            (portion, 1.0),
            (portion, 0.0),
            textcoords=axes.get_xaxis_transform(),
            arrowprops={
                "arrowstyle": "-",
                "color": color,
                "linewidth": 1,
                "linestyle": ":",
                "shrinkA": 0,
                "shrinkB": 0,
            },
        )
        axes.plot([portion], [1.0], color=color, marker="*", markersize=11, markeredgecolor="white", zorder=5)


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure, whole or not at all; its type follows from the suffix."""
    path = Path(path)
    kind = path.suffix.removeprefix(".")
    with replacing(path) as partial:
        figure.savefig(partial, format=kind)
    return path
