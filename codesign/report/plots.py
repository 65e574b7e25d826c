"""The report's pictures, each drawn from report.json alone, in a light and a dark theme."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from codesign.report.break_even_plot import break_even
from codesign.report.report import Report, WeightHistogram
from codesign.report.theme import Theme, styled
from codesign.report.training_plots import draw_histograms, draw_losses, draw_residuals

__all__ = ["PLOTS", "draw"]


def draw(name: str, report: Report, theme: Theme) -> Figure:
    """The picture called ``name``, a key of ``PLOTS``."""
    with styled(theme):
        return PLOTS[name](report, theme)


def weights(report: Report, theme: Theme) -> Figure:
    """Weights of each layer before compression, and its levels after; pruned weights are a number, not a bar."""
    entries = report.histograms
    if theme.is_narrow:  # a row per layer
        figure = Figure((theme.width, 0.6 + 1.7 * len(entries)), layout="constrained")
        pairs = figure.subplots(len(entries), 2, squeeze=False)
    else:  # a column per layer
        figure = Figure((theme.width, 4.4), layout="constrained")
        pairs = figure.subplots(2, len(entries), squeeze=False).T
    for (before, after), entry in zip(pairs, entries, strict=True):
        _before(before, entry, theme)
        _after(after, entry, theme)
        after.set_xlim(before.get_xlim())
        if not theme.is_narrow:
            before.tick_params(labelbottom=False)
    pairs[0][0].set_ylabel("before: trained")
    pairs[0][1].set_ylabel("after: levels kept")
    figure.supxlabel("weight", fontsize=10)
    return figure


def _before(axes: Axes, entry: WeightHistogram, theme: Theme) -> None:
    before = entry.before
    axes.stairs(before.counts, before.edges, fill=True, color=theme.faint)
    limit = max(abs(before.edges[0]), abs(before.edges[-1]), _largest_after(entry)) * 1.02
    axes.set_xlim(-limit, limit)
    axes.set_title(entry.layer)
    axes.grid(axis="x", visible=False)


def _largest_after(entry: WeightHistogram) -> float:
    """Outer edge of the last bar."""
    return (max(map(abs, entry.after.levels)) + 0.5) * entry.after.interval


def _after(axes: Axes, entry: WeightHistogram, theme: Theme) -> None:
    after = entry.after
    levels, counts = np.array(after.levels), np.array(after.counts)
    kept = levels != 0
    interval = after.interval
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
    layers = report.layers
    figure = Figure((theme.width, 0.9 + 0.75 * len(layers)), layout="constrained")
    axes = figure.add_subplot()
    places = np.arange(len(layers))
    dense = [layer.dense_time / 1000 for layer in layers]
    chosen = [layer.time / 1000 for layer in layers]
    axes.barh(places - 0.2, dense, 0.36, color=theme.faint, label="dense array, all weights")
    axes.barh(places + 0.2, chosen, 0.36, color=theme.accent, label="chosen array, compressed weights")
    for place, layer, time in zip(places, layers, chosen, strict=True):
        text = f" {layer.speedup:.2f}×" + (" slower" if layer.speedup < 1 else "")
        axes.text(time, place + 0.2, text, va="center", fontsize=9.5, fontweight="bold", color=theme.text)
    axes.set_yticks(places, [layer.name for layer in layers])
    axes.tick_params(axis="y", labelcolor=theme.text, length=0)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"time for one sample, thousand {report.units.time}")
    if theme.is_narrow:
        figure.legend(loc="outside lower left")
        figure.set_figheight(1.5 + 0.75 * len(layers))
    else:
        axes.legend(loc="lower right")
    return figure


def convergence(report: Report, theme: Theme) -> Figure:
    """Residuals of the ADMM runs that iterated, and the tolerance that stops them."""
    settings = report.settings.get("compress", {})
    tolerances = {name: settings[name]["tolerance"] for name in report.admm if name in settings}
    return draw_residuals(_plain({name: steps for name, steps in report.admm.items() if steps}), theme, tolerances)


def losses(report: Report, theme: Theme) -> Figure:
    """Training loss and validation accuracy of pruning and of quantization, where they trained."""
    trained = {name: steps for name, steps in report.admm.items() if steps or report.training.get(name)}
    return draw_losses(_plain(trained), _plain(report.training), theme, report.accuracy.metric)


def _plain(runs: Mapping[str, Sequence[Any]]) -> dict[str, list[dict[str, Any]]]:
    """Records of each run as the pictures of trainings take them."""
    return {name: [asdict(record) for record in records] for name, records in runs.items()}


def weights_in(run: str) -> Callable[[Report, Theme], Figure]:
    """The picture of each layer's weights before pruning or quantization, on the way and after."""
    return lambda report, theme: draw_histograms(_plain(report.admm_histograms).get(run, []), theme)


PLOTS: dict[str, Callable[[Report, Theme], Figure]] = {
    "break_even": break_even,
    "times": times,
    "weights": weights,
    "weights_prune": weights_in("prune"),
    "weights_quantize": weights_in("quantize"),
    "convergence": convergence,
    "losses": losses,
}
