"""The pictures of docs/results/compression.md."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.compression.points import points_of
from benchmarks.papers import TARGETS
from codesign.report.theme import LIGHT, line_style, styled
from codesign.report.training_plots import draw_histograms, draw_losses, draw_residuals
from compress.base.files import replacing

__all__ = ["draw_pictures"]

LEFT_HALF = 80  # pruning ratios whose labels have room to their right only


def draw_pictures(
    results: Sequence[Mapping[str, Any]], details: Mapping[str, Mapping[str, Any] | None], folder: Path
) -> None:
    """Accuracy against ratio; residuals, losses and weights of the first run of each network, if there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    _save(_curve(results), folder / "curve.png")
    found = {name: detail for name, detail in details.items() if detail is not None}
    first = {
        name.removesuffix("-seed0"): run
        for name, run in found.items()
        if name.endswith("-seed0") and "plain" not in name
    }
    if not first:
        return
    steps = {f"{name} {step}": part for name, run in first.items() for step, part in run["training"].items()}
    longest = dict(list(steps.items())[:4])
    admm = {name: part["admm"] for name, part in longest.items()}
    _save(draw_residuals(admm, LIGHT), folder / "residuals.png")
    _save(draw_losses(admm, {name: part["retraining"] for name, part in longest.items()}, LIGHT), folder / "losses.png")
    layers = [layer for run in first.values() for layer in run["histograms"]][:4]
    _save(draw_histograms(layers, LIGHT), folder / "weights.png")


def _curve(results: Sequence[Mapping[str, Any]]) -> Figure:
    """A line a network, the mean of its seeds, and every seed as a dot; the papers' points as crosses."""
    with styled(LIGHT):
        figure = Figure((LIGHT.width, 5.2), layout="constrained")
        axes = figure.subplots()
        pruned = [entry for entry in results if entry["method"] == "admm"]
        for number, network in enumerate(dict.fromkeys(entry["network"] for entry in pruned)):
            style = line_style(number, LIGHT)
            points = points_of([entry for entry in pruned if entry["network"] == network])
            ratios = [mean(entry["pruning_ratio"] for entry in point) for point in points]
            means = [100 * mean(entry["test_accuracy"] for entry in point) for point in points]
            label = network.replace("-plain", ", no augmentation")
            axes.plot(ratios, means, label=label, linewidth=1.6, markersize=6, **style)
            for entry in itertools.chain(*points):
                place = (entry["pruning_ratio"], 100 * entry["test_accuracy"])
                axes.plot(*place, ".", color=style["color"], alpha=0.5, markersize=5)
        for target in TARGETS:
            if target.figure == "pruning_ratio":
                axes.plot(target.paper, 100 * target.floor, "x", color=LIGHT.text, markersize=9, markeredgewidth=2)
                axes.annotate(
                    f"{target.title.split(',')[0]}, {target.source.split(',')[0]}",
                    (target.paper, 100 * target.floor),
                    xytext=(7, -7) if target.paper < LEFT_HALF else (-7, -7),
                    textcoords="offset points",
                    ha="left" if target.paper < LEFT_HALF else "right",
                    va="top",
                    fontsize=8,
                    color=LIGHT.faint,
                )
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xticks([20, 50, 100, 200, 400])
        axes.set_xlabel("pruning ratio: weights before over weights kept")
        axes.set_ylabel("test accuracy of the integer model, %")
        if pruned:
            axes.legend(frameon=False)
    return figure


def _save(figure: Figure, path: Path) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
