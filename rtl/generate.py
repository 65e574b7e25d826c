"""Array configuration -> a folder of Verilog that FPGA, ASIC and simulation tools read."""

from __future__ import annotations

import json
from pathlib import Path

from compress.base.errors import CodesignError
from compress.base.files import read_text, write_text
from rtl.array.pe_array import PEArray
from rtl.array.sram import SeparateSRAMs, sram_verilog
from rtl.array.write_bus import write_bus_layout
from rtl.axi.constraints import lpf, xdc
from rtl.axi.register_texts import c_header, python_constants, register_map
from rtl.axi.registers import register_table
from rtl.axi.top import ACCELERATOR, accelerator_verilog
from rtl.config import ArrayConfig
from rtl.inventory import srams
from rtl.verilog import emit

__all__ = ["FILES", "FILE_LISTS", "TOP", "generate", "load_config"]

TOP = "pe_array"

FILE_LISTS = {TOP: "files.f", ACCELERATOR: f"{ACCELERATOR}.f"}
"""The file that lists the sources, for each module that may be the top."""

FILES = (
    f"{TOP}.v",
    "srams.v",
    "files.f",
    "array.json",
    f"{ACCELERATOR}.v",
    f"{ACCELERATOR}.f",
    f"{ACCELERATOR}.xdc",
    f"{ACCELERATOR}.lpf",
    "registers.md",
    "codesign_regs.h",
    "codesign_regs.py",
)
"""Files of a generated folder."""


def generate(config: ArrayConfig, folder: Path) -> list[Path]:
    """Write ``FILES`` into ``folder``; each appears only when complete.

    ``srams.v`` has one behavioural module per SRAM size, which a flow may replace by macros. ``pe_array.v`` works alone
    (``files.f``) or inside the accelerator with AXI ports (``codesign_accelerator.f``).
    """
    sizes = sorted({(use.depth, use.width) for use in srams(config)})
    table = register_table(config)
    description = {"array": config.to_dict(), "write_payload_bits": _bus_fields(config)}
    texts = (
        emit(PEArray(config), TOP, SeparateSRAMs()),
        "\n".join(sram_verilog(depth, width) for depth, width in sizes),
        f"srams.v\n{TOP}.v\n",
        json.dumps(description, indent=2) + "\n",
        accelerator_verilog(config),
        f"srams.v\n{TOP}.v\n{ACCELERATOR}.v\n",
        xdc(),
        lpf(),
        register_map(table, config),
        c_header(table, config),
        python_constants(table, config),
    )
    for name, text in zip(FILES, texts, strict=True):
        write_text(folder / name, text)
    return [folder / name for name in FILES]


def load_config(folder: Path) -> ArrayConfig:
    """The configuration of a generated folder."""
    path = folder / "array.json"
    text = read_text(path, "run `codesign generate` first")
    try:
        return ArrayConfig.from_dict(json.loads(text)["array"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CodesignError(f"cannot read an array from {path}: {error}", "run `codesign generate` first") from error


def _bus_fields(config: ArrayConfig) -> dict[str, list[int]]:
    """Lowest bit and width of each field of ``write__payload``, for a host that drives the port."""
    layout = write_bus_layout(config)
    return {str(name): [field.offset, field.width] for name, field in layout}
