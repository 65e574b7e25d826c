"""The picture of docs/results/array.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.papers import ALEXNET_LAYERS
from codesign.report.theme import LIGHT, styled
from compress.base.files import replacing

__all__ = ["draw_layers", "write_picture"]


def write_picture(result: Mapping[str, Any], folder: Path) -> None:
    """layers.png in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / "layers.png") as temporary:
        draw_layers(result).savefig(temporary, format="png", dpi=110)


def draw_layers(result: Mapping[str, Any]) -> Figure:
    """A panel a layer: speedup x density over density, a line a mask, the paper's point as a cross; 8-bit levels."""
    entries = [e for e in result["layers"] if "density_asked" in e and e["weight_bits"] == 8]
    with styled(LIGHT):
        figure = Figure((LIGHT.width, 3.2), layout="constrained")
        panels = figure.subplots(1, len(ALEXNET_LAYERS), sharey=True)
        for axes, (name, paper) in zip(panels, ALEXNET_LAYERS.items(), strict=True):
            for number, mask in enumerate(result["masks"]):
                points = sorted(
                    (100 * e["density"], e["speedup_times_density"])
                    for e in entries
                    if e["name"] == name and e["mask"] == mask
                )
                colour = LIGHT.series[number]
                axes.plot(
                    [x for x, _ in points], [y for _, y in points], marker="osD^"[number], color=colour, label=mask
                )
            axes.plot(
                100 * paper.density, paper.speedup * paper.density, "x", color=LIGHT.text, label="003 T9", linestyle=""
            )
            axes.set_title(name.upper())
            axes.set_xscale("log")
            axes.set_xticks([5, 10, 20, 50, 100], ["5", "10", "20", "50", "100"])
            axes.minorticks_off()
            axes.set_xlabel("density, %")
        panels[0].set_ylabel("speedup x density")
        panels[0].set_ylim(0, 1.05)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure
