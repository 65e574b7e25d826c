"""Array configuration -> a folder of Verilog that FPGA, ASIC and simulation tools read."""

from __future__ import annotations

import json
from pathlib import Path

from compress.errors import CodesignError
from compress.files import replacing
from rtl.array import PEArray
from rtl.config import ArrayConfig
from rtl.inventory import srams
from rtl.sram import SeparateSRAMs, sram_verilog
from rtl.verilog import emit
from rtl.write_bus import write_bus_layout

__all__ = ["TOP", "generate", "load_config"]

TOP = "pe_array"


def generate(config: ArrayConfig, folder: Path) -> list[Path]:
    """Write ``pe_array.v``, ``srams.v``, ``files.f`` and ``array.json``; each appears only when complete.

    ``srams.v`` has one behavioural module per SRAM size, which a flow may replace by macros.
    """
    sizes = sorted({(use.depth, use.width) for use in srams(config)})
    texts = {
        f"{TOP}.v": emit(PEArray(config), TOP, SeparateSRAMs()),
        "srams.v": "\n".join(sram_verilog(depth, width) for depth, width in sizes),
        "files.f": f"srams.v\n{TOP}.v\n",
        "array.json": json.dumps({"array": config.to_dict(), "write_payload_bits": _bus_fields(config)}, indent=2)
        + "\n",
    }
    for name, text in texts.items():
        with replacing(folder / name) as path:
            path.write_text(text)
    return [folder / name for name in texts]


def load_config(folder: Path) -> ArrayConfig:
    """The configuration of a generated folder."""
    path = folder / "array.json"
    try:
        return ArrayConfig.from_dict(json.loads(path.read_text())["array"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CodesignError(f"cannot read an array from {path}: {error}", "run `codesign generate` first") from error


def _bus_fields(config: ArrayConfig) -> dict[str, list[int]]:
    """Lowest bit and width of each field of ``write__payload``, for a host that drives the port."""
    layout = write_bus_layout(config)
    return {str(name): [field.offset, field.width] for name, field in layout}
