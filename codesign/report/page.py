"""report.html: one self-contained page, and the pictures beside it."""

from __future__ import annotations

import base64
import io
from functools import partial
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from codesign.report.captions import Captions, compress_setting
from codesign.report.plots import PLOTS, draw
from codesign.report.report import ArrayComparison, CurveFigures, Report
from codesign.report.theme import LIGHT, THEMES, Theme
from compress.base.files import write_bytes, write_text
from compress.data.task import ACCURACY, Metric
from compress.methods.scopes import N_OF_M

__all__ = ["gain", "notes", "write_page"]

DPI = 160


def write_page(report: Report, folder: Path) -> list[Path]:
    """Write ``report.html`` and one PNG per picture into ``folder``, from a report."""
    pictures = {name: {theme.name: _png(name, report, theme) for theme in THEMES} for name in PLOTS}
    paths = []
    for name, themes in pictures.items():
        paths.append(folder / f"{name}.png")
        write_bytes(paths[-1], themes[LIGHT.name])
    paths.append(folder / "report.html")
    write_text(paths[-1], _html(report, pictures))
    return paths


def _png(name: str, report: Report, theme: Theme) -> bytes:
    buffer = io.BytesIO()
    draw(name, report, theme).savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()


def _html(report: Report, pictures: dict[str, dict[str, bytes]]) -> str:
    environment = Environment(
        loader=PackageLoader("codesign.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=_percent,
        told=partial(_told, report.accuracy.metric),
        count=lambda value: f"{value:,.0f}",
        ratio=lambda value: f"{value:.2f}×",
    )
    uris = {name: {theme: Markup(_data_uri(png)) for theme, png in themes.items()} for name, themes in pictures.items()}
    return environment.get_template("report.html.j2").render(
        report=report,
        captions=Captions.of(report),
        pictures=uris,
        notes=notes(report),
        gain=gain(report.array),
        formats=formats_told(report.array),
    )


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %"


def _told(metric: Metric, figure: float) -> str:
    return _percent(figure) if metric.unit == "%" else metric.told(figure)


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def gain(array: ArrayComparison) -> dict[str, float]:
    """The factors of a speedup in equal area: more PEs, fewer cycles of a PE, and the clock.

    ``pes`` is the ratio of chosen to dense PEs, ``work`` that of cycles times PEs the other way round, ``clock`` dense
    over chosen period; their product is the speedup. ``memory`` is the portion of the dense array that is SRAM.
    """
    dense, chosen = array.dense, array.chosen
    return {
        "dense_pes": dense.config.pes,
        "chosen_pes": chosen.config.pes,
        "pes": chosen.config.pes / dense.config.pes,
        "work": dense.cycles_per_sample * dense.config.pes / (chosen.cycles_per_sample * chosen.config.pes),
        "clock": dense.clock_period / chosen.clock_period,
        "memory": dense.sram_area / dense.area,
    }


def formats_told(array: ArrayComparison) -> str:
    """Which format each layer by itself would take, and which no layer would; empty for a dense array."""
    won = array.layers_of_formats
    if not won:
        return ""
    takers = "; ".join(f"{name} for {', '.join(layers)}" for name, layers in won.items() if layers)
    others = ", ".join(name for name, layers in won.items() if not layers)
    return f"{takers}." + (f" No layer would take {others}." if others else "")


def notes(report: Report) -> list[str]:
    """What a reader must know before quoting a figure: first where the compressed network loses."""
    return [*_losses(report), *_restored(report), *_limits(report)]


def _losses(report: Report) -> list[str]:
    found = []
    slower = [layer for layer in report.layers if layer.speedup < 1]
    if slower:
        told = ", ".join(f"{layer.name} ({layer.speedup:.2f}×)" for layer in slower)
        found.append(f"Slower on the chosen array than on the dense one: {told}. One array serves all layers.")
    for entry in report.break_even:
        found += _losing_portions(entry)
    metric = report.accuracy.metric
    lost = metric.score(report.accuracy.dense) - metric.score(report.accuracy.integer)
    if lost > 0 and metric != ACCURACY:
        found.append(f"The {metric.name} of the integer network is worse than the dense one's by {metric.told(lost)}.")
    elif lost > 0:
        total = report.accuracy.test_images
        images = round(lost * total)
        found.append(f"Of {total} test images, the integer network gets {images} fewer right than the dense one.")
    return found


def _losing_portions(entry: CurveFigures) -> list[str]:
    found = []
    losing = [(p.speedup, p.pruned_portion) for p in entry.points if p.speedup is not None and p.speedup < 1]
    if losing:
        speedup, portion = min(losing)
        found.append(
            f"{entry.layer}: pruning loses in equal area at {len(losing)} of {len(entry.points)} measured "
            f"portions, at worst {speedup:.2f}× with {portion:.0%} pruned."
        )
    unfit = [f"{point.pruned_portion:.0%}" for point in entry.points if point.speedup is None]
    if unfit:
        found.append(f"{entry.layer}: no sparse array fits the area with {', '.join(unfit)} pruned.")
    return found


def _restored(report: Report) -> list[str]:
    names = [layer.name for layer in report.layers if layer.restored]
    if not names:
        return ["Every layer passed its break-even ratio; none was restored to dense."]
    return [f"Restored to dense, since pruning them within the accuracy floor would not pay: {', '.join(names)}."]


def _limits(report: Report) -> list[str]:
    found = [
        "Each break-even curve is for a layer alone, on the best array for it; the speedups in the table are of one "
        "array for the whole network.",
        "Area and clock are those of synthesized modules and modelled SRAMs; wires between modules, placement and "
        "power are not counted.",
    ]
    if compress_setting(report, "scope") == N_OF_M.name:
        found.append(
            "Break-even curves are measured on masks of the largest weights, not on the N:M pattern that the layers "
            "are pruned to; no layer's alpha follows from them."
        )
    if report.technology.area_unit == "GE":
        found.append(
            "GE and FO4 are the generic technology's NAND2 areas and inverter delays, not those of a real process."
        )
    if report.work is not None and report.work.host_share > 0:
        found.append(
            f"Speedups are of the array alone. The host's operations, {_percent(report.work.host_share)} of all after "
            "pruning, are counted but not timed."
        )
    batches = sorted({layer.batch for layer in report.layers if layer.batch > 1})
    if batches:
        found.append(f"Linear layers run {batches[0]} samples at a time; their times are per sample.")
    return found
