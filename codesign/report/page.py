"""report.html: one self-contained page, and the pictures beside it."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from codesign.report.plots import PLOTS, draw
from codesign.report.theme import DARK, LIGHT, Theme
from compress.base.files import replacing

__all__ = ["notes", "write_page"]

DPI = 160

Report = dict[str, Any]


def write_page(report: Report, folder: Path) -> list[Path]:
    """Write ``report.html`` and one PNG a picture into ``folder``, from a report of ``codesign.report.contents``."""
    pictures = {name: {theme.name: _png(name, report, theme) for theme in (LIGHT, DARK)} for name in PLOTS}
    paths = []
    for name, themes in pictures.items():
        paths.append(folder / f"{name}.png")
        with replacing(paths[-1]) as temporary:
            temporary.write_bytes(themes["light"])
    paths.append(folder / "report.html")
    with replacing(paths[-1]) as temporary:
        temporary.write_text(_html(report, pictures), encoding="utf-8")
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
        percent=_percent, count=lambda value: f"{value:,.0f}", ratio=lambda value: f"{value:.2f}×"
    )
    uris = {name: {theme: Markup(_data_uri(png)) for theme, png in themes.items()} for name, themes in pictures.items()}
    return environment.get_template("report.html.j2").render(report=report, pictures=uris, notes=notes(report))


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %"


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def notes(report: Report) -> list[str]:
    """What a reader must know before quoting a figure: first where the compressed network loses."""
    return [*_losses(report), *_restored(report), _freed_memory(report), *_limits(report)]


def _losses(report: Report) -> list[str]:
    found = []
    slower = [layer for layer in report["layers"] if layer["speedup"] < 1]
    if slower:
        told = ", ".join(f"{layer['name']} ({layer['speedup']:.2f}×)" for layer in slower)
        found.append(f"Slower on the chosen array than on the dense one: {told}. One array serves all layers.")
    for entry in report["break_even"]:
        losing = [point for point in entry["curve"] if point["index"] != "dense" and point["speedup"] < 1]
        if losing:
            worst = min(losing, key=lambda point: point["speedup"])
            found.append(
                f"{entry['layer']}: pruning loses in equal area at {len(losing)} of {len(entry['curve']) - 1} measured "
                f"portions, at worst {worst['speedup']:.2f}× with {worst['pruned_portion']:.0%} pruned."
            )
    lost = report["accuracy"]["dense"] - report["accuracy"]["integer"]
    if lost > 0:
        images = round(lost * report["accuracy"]["test_images"])
        total = report["accuracy"]["test_images"]
        found.append(f"The integer network gets {images} of {total} test images fewer right than the dense one.")
    return found


def _restored(report: Report) -> list[str]:
    names = [layer["name"] for layer in report["layers"] if layer["restored"]]
    if not names:
        return ["Every layer passed its break-even ratio; none was restored to dense."]
    return [f"Restored to dense, since pruning them within the accuracy floor would not pay: {', '.join(names)}."]


def _freed_memory(report: Report) -> str:
    """Where the gain comes from: fewer multiplications, and memory that becomes multipliers."""
    told = []
    for name in ("dense", "chosen"):
        array = report["array"][name]
        pes = array["config"]["rows"] * array["config"]["lanes"]
        told.append(
            f"{array['sram_area'] / array['area']:.0%} of the {name} array's area is memory, beside {pes:,} PEs"
        )
    return (
        f"The area is the same, the PEs need not be: {'; '.join(told)}. All weights of the network are kept on the "
        "array, so memory that pruning frees becomes PEs, and a layer can gain more than its pruning ratio."
    )


def _limits(report: Report) -> list[str]:
    found = [
        "Each break-even curve is for a layer alone, on the best array for it; the speedups in the table are of one "
        "array for the whole network.",
        "Area and clock are those of synthesized modules and modelled SRAMs; wires between modules, placement and "
        "power are not counted.",
    ]
    if report["technology"]["area_unit"] == "GE":
        found.append(
            "GE and FO4 are the generic technology's NAND2 areas and inverter delays, not those of a real process."
        )
    batches = sorted({layer["batch"] for layer in report["layers"] if layer["batch"] > 1})
    if batches:
        found.append(f"Linear layers run {batches[0]} samples at a time; their times are per sample.")
    return found
