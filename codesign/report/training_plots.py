"""Pictures of how compression went, from plain data: residuals, losses, and weight snapshots (002 Fig. 1, 2).

Every function takes what a stage writes into its JSON file, ``dataclasses.asdict`` of the package's own records, and
needs no report::

    steps = [asdict(step) for step in prune_admm(...).history]
    draw_residuals({"LeNet-5": steps}, LIGHT).savefig("residuals.png")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import LogLocator, MaxNLocator

from codesign.report.theme import LineStyle, Theme, line_style, styled
from compress.admm.split_variables import Residual
from compress.data.task import ACCURACY, Metric

__all__ = ["MOST_LAYERS", "draw_histograms", "draw_losses", "draw_residuals"]

PANEL_HEIGHT = 2.6  # inches
MOST_LAYERS = 12  # in one picture; more cannot be told apart

Records = Sequence[Mapping[str, Any]]
Residuals = Mapping[str, Sequence[Residual]]


def draw_residuals(runs: Mapping[str, Records], theme: Theme, tolerances: Mapping[str, float] | None = None) -> Figure:
    """Relative primal and dual residual over the iterations, a line per constraint, a column per run.

    On the logarithmic scale a residual of exactly 0 is below the picture.

    Parameters
    ----------
    runs : mapping of title to ``AdmmStep`` as dicts
        A run without iterations gets an empty panel that says so. Of more than ``MOST_LAYERS`` constraints those are
        drawn that end with the largest residuals.
    tolerances : mapping of title to float, optional
        Dashed lines: a run stops when all residuals are at most this.
    """
    by_run = {title: _by_constraint(steps) for title, steps in runs.items()}
    drawn = _largest(by_run.values())
    with styled(theme):
        figure, panels = _panels(list(runs), theme)
        for axes_of_run, (title, residuals) in zip(panels, by_run.items(), strict=True):
            for axes, member in zip(axes_of_run, ("relative_primal", "relative_dual"), strict=True):
                for number, name in enumerate(drawn):
                    values = [getattr(residual, member) for residual in residuals.get(name, ())]
                    if values:
                        _line(axes, values, line_style(number, theme), name)
                _tolerance(axes, (tolerances or {}).get(title, 0.0), theme)
            axes_of_run[1].set_xlabel("ADMM iteration")
            if not residuals:
                _say_empty(axes_of_run, theme)
        for row in zip(*panels, strict=True):
            _residual_scale(row)
        _label(panels, theme, "primal residual\n‖W − Z‖² / ‖Z‖²", "dual residual\n‖Z − Z before‖² / ‖Z‖²")
        _legend(figure, panels, theme, len(set(chain.from_iterable(by_run.values()))))
    return figure


def draw_losses(
    runs: Mapping[str, Records], retraining: Mapping[str, Records], theme: Theme, metric: Metric = ACCURACY
) -> Figure:
    """Training loss and validation accuracy of each ADMM iteration, then of each retraining epoch, a column per run.

    Parameters
    ----------
    runs : mapping of title to ``AdmmStep`` as dicts
    retraining : mapping of title to ``EpochRecord`` as dicts
        Of the same titles; one that ``runs`` lacks is not drawn. Where the epochs start again at 0, as they do for
        every portion of a quantization, a dotted line is drawn.
    metric : Metric
        What the accuracies are figures of.
    """
    percent = 100 if metric.unit == "%" else 1
    with styled(theme):
        figure, panels = _panels(list(runs), theme)
        for axes_of_run, (title, steps) in zip(panels, runs.items(), strict=True):
            records = retraining.get(title, ())
            for axes, member, factor in zip(
                axes_of_run, ("training_loss", "validation_accuracy"), (1, percent), strict=True
            ):
                for number, (start, label, part) in enumerate(
                    ((1, "ADMM", steps), (len(steps) + 1, "retraining", records))
                ):
                    if part:
                        values = [factor * entry[member] for entry in part]
                        _line(axes, values, line_style(number, theme), label, start)
                for place, record in enumerate(records):
                    if record["epoch"] == 0:
                        axes.axvline(len(steps) + place + 0.5, color=theme.faint, linewidth=1, linestyle=(0, (1, 2)))
            _loss_scale(axes_of_run[0])
            axes_of_run[1].set_xlabel("iteration, then epoch")
            if not steps and not records:
                _say_empty(axes_of_run, theme)
        _label(panels, theme, "training loss", _with_unit(f"validation {metric.name}", metric))
        _legend(figure, panels, theme)
    return figure


def _with_unit(name: str, metric: Metric) -> str:
    return f"{name}, {metric.unit}" if metric.unit else name


def draw_histograms(layers: Records, theme: Theme) -> Figure:
    """Several snapshots of the weights, a row per layer, a column per snapshot, in the layer's own bins.

    Counts are on a logarithmic scale, since nearly all weights may be in one bin. Weights that are exactly zero are
    given as a number, not a bar. Of more than ``MOST_LAYERS`` layers those with the most weights are drawn.

    Parameters
    ----------
    layers : ``compress.train.histograms.LayerHistograms`` as dicts
        All with the same snapshots.
    """
    drawn = sorted(range(len(layers)), key=lambda index: -_weights(layers[index]))[:MOST_LAYERS]
    chosen = [layers[index] for index in sorted(drawn)]
    with styled(theme):
        figure = Figure((theme.width, 0.9 + 1.3 * max(1, len(chosen))), layout=ConstrainedLayoutEngine(wspace=0.06))
        if not chosen:
            _say_empty([figure.add_subplot()], theme)
            return figure
        grid = figure.subplots(len(chosen), len(chosen[0]["moments"]), squeeze=False, sharex="row", sharey="row")
        for row, layer in zip(grid, chosen, strict=True):
            for axes, snapshot in zip(row, layer["moments"], strict=True):
                _histogram(axes, layer["edges"], snapshot, theme)
            row[0].set_ylim(0.7, 6 * max(1, *(max(snapshot["counts"]) for snapshot in layer["moments"])))
            row[0].set_ylabel(layer["layer"], fontweight="bold")
        for axes, snapshot in zip(grid[0], chosen[0]["moments"], strict=True):
            axes.set_title(snapshot["name"], fontsize=9 if theme.is_narrow else None)
        figure.supxlabel("weight", fontsize=10)
        left_out = "" if len(chosen) == len(layers) else f" (the {len(chosen)} largest of {len(layers)} layers)"
        figure.supylabel(f"weights in a bin{left_out}", fontsize=10)
    return figure


def _histogram(axes: Axes, edges: Sequence[float], snapshot: Mapping[str, Any], theme: Theme) -> None:
    axes.set_yscale("log")
    axes.stairs(snapshot["counts"], edges, baseline=0.1, fill=True, color=theme.accent)
    axes.set_xlim(1.08 * edges[0], 1.08 * edges[-1])
    axes.xaxis.set_major_locator(MaxNLocator(2 if theme.is_narrow else 5))
    axes.yaxis.set_major_locator(LogLocator(numticks=4))
    axes.grid(axis="x", visible=False)
    axes.minorticks_off()
    if snapshot["zeros"]:
        portion = snapshot["zeros"] / (snapshot["zeros"] + sum(snapshot["counts"]))
        text = f"{snapshot['zeros']:,} zero{chr(10) if theme.is_narrow else ' '}({portion:.1%})"
        axes.text(0.98, 0.95, text, ha="right", va="top", transform=axes.transAxes, fontsize=8.5, color=theme.faint)


def _weights(layer: Mapping[str, Any]) -> int:
    return int(layer["moments"][0]["zeros"] + sum(layer["moments"][0]["counts"]))


def _by_constraint(steps: Records) -> dict[str, list[Residual]]:
    """Each constraint's residuals in the order of the iterations."""
    found: dict[str, list[Residual]] = {}
    for entry in chain.from_iterable(step["residuals"] for step in steps):
        found.setdefault(entry["constraint"], []).append(Residual(**entry))
    return found


def _largest(runs: Sequence[Residuals] | Any) -> list[str]:
    """At most ``MOST_LAYERS`` constraints, those that end with the largest residuals, in the order of the runs."""
    last: dict[str, float] = {}
    for residuals in runs:
        for name, series in residuals.items():
            last[name] = max(last.get(name, 0.0), series[-1].relative)
    kept = sorted(last, key=lambda name: -last[name])[:MOST_LAYERS]
    return [name for name in last if name in kept]


def _panels(titles: list[str], theme: Theme) -> tuple[Figure, list[list[Axes]]]:
    """Two panels for every title: above each other with common scales, on a narrow picture all in one column."""
    figure = Figure((theme.width, 2 * PANEL_HEIGHT * (len(titles) if theme.is_narrow else 1)), layout="constrained")
    if not titles:
        _say_empty([figure.add_subplot()], theme)
        return figure, []
    if theme.is_narrow:
        pairs = figure.subplots(2 * len(titles), 1, squeeze=False).reshape(len(titles), 2)
    else:
        pairs = figure.subplots(2, len(titles), squeeze=False, sharex="col", sharey="row").T
    for pair, title in zip(pairs, titles, strict=True):
        pair[0].set_title(title)
        for axes in pair:
            axes.xaxis.get_major_locator().set_params(integer=True)
    return figure, [list(pair) for pair in pairs]


def _label(panels: Sequence[Sequence[Axes]], theme: Theme, above: str, below: str) -> None:
    """Name the vertical scales: once a row, on a narrow picture beside every panel."""
    for pair in panels if theme.is_narrow else panels[:1]:
        pair[0].set_ylabel(above)
        pair[1].set_ylabel(below)


def _line(axes: Axes, values: Sequence[float], style: LineStyle, label: str, start: int = 1) -> None:
    """Values at start, start + 1, ...; about ten of them have a marker."""
    places = np.arange(start, start + len(values))
    axes.plot(places, values, **style, markersize=4, markevery=max(1, len(values) // 10), linewidth=1.6, label=label)


def _residual_scale(row: Sequence[Axes]) -> None:
    """Logarithmic, unless every residual is exactly 0."""
    lines = chain.from_iterable(axes.get_lines() for axes in row)
    if any(np.max(np.asarray(line.get_ydata())) > 0 for line in lines):
        for axes in row:
            axes.set_yscale("log")
            axes.minorticks_off()


def _loss_scale(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.minorticks_off()


def _tolerance(axes: Axes, tolerance: float, theme: Theme) -> None:
    if tolerance > 0:
        axes.axhline(tolerance, color=theme.text, linewidth=1.2, linestyle=(0, (4, 3)), label="tolerance")


def _legend(figure: Figure, panels: Sequence[Sequence[Axes]], theme: Theme, available: int = 0) -> None:
    """One for all panels, below them; ``available`` is how many layers there are."""
    entries: dict[Any, Artist] = {}
    for axes in chain.from_iterable(panels):
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if entries:
        title = f"{MOST_LAYERS} of {available} layers" if available > MOST_LAYERS else None
        columns = min(2 if theme.is_narrow else 5, len(entries))
        figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=columns, title=title)
        figure.set_figheight(figure.get_figheight() + 0.25 * -(-len(entries) // columns))


def _say_empty(panels: Sequence[Axes], theme: Theme) -> None:
    for axes in panels:
        axes.text(
            0.5, 0.5, "nothing was recorded", ha="center", va="center", transform=axes.transAxes, color=theme.faint
        )
