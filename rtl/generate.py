"""Array configuration -> a folder of Verilog that FPGA, ASIC and simulation tools read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from compress.base.errors import CodesignError
from compress.base.files import read_text, write_text
from rtl.array.pe_array import PEArray
from rtl.array.sram import SeparateSRAMs, sram_verilog
from rtl.array.write_bus import write_bus_layout
from rtl.axi.constraints import lpf, xdc
from rtl.axi.register_texts import c_header, python_constants, register_map
from rtl.axi.registers import register_table
from rtl.axi.top import accelerator_verilog
from rtl.config import ArrayConfig
from rtl.inventory import srams
from rtl.names import ACCELERATOR, PLAIN, TOP, ModuleNames
from rtl.verilog import emit

__all__ = ["FILES", "FILE_LISTS", "generate", "load_config", "load_names"]

T = TypeVar("T")

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


def generate(config: ArrayConfig, folder: Path, names: ModuleNames = PLAIN) -> list[Path]:
    """Write ``FILES`` into ``folder``; each appears only when complete. Modules, not files, are called by ``names``.

    ``srams.v`` has one behavioural module per SRAM size, which a flow may replace by macros. ``pe_array.v`` works alone
    (``files.f``) or inside the accelerator with AXI ports (``codesign_accelerator.f``).
    """
    sizes = sorted({(use.depth, use.width) for use in srams(config)})
    table = register_table(config)
    description = {"array": config.to_dict(), "write_payload_bits": _bus_fields(config), "prefix": names.prefix}
    texts = (
        emit(PEArray(config), names.array, SeparateSRAMs(names)),
        "\n".join(sram_verilog(depth, width, names) for depth, width in sizes),
        f"srams.v\n{TOP}.v\n",
        json.dumps(description, indent=2) + "\n",
        accelerator_verilog(config, names),
        f"srams.v\n{TOP}.v\n{ACCELERATOR}.v\n",
        xdc(names),
        lpf(names),
        register_map(table, config, names),
        c_header(table, config, names),
        python_constants(table, config, names),
    )
    for name, text in zip(FILES, texts, strict=True):
        write_text(folder / name, text)
    return [folder / name for name in FILES]


def load_config(folder: Path) -> ArrayConfig:
    """The configuration of a generated folder."""
    return _described(folder, lambda content: ArrayConfig.from_dict(content["array"]))


def load_names(folder: Path) -> ModuleNames:
    """What the modules of a generated folder are called."""
    return _described(folder, lambda content: ModuleNames(content.get("prefix", "")))


def _described(folder: Path, read: Callable[[dict[str, Any]], T]) -> T:
    path = folder / "array.json"
    text = read_text(path, "run `codesign generate` first")
    try:
        return read(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CodesignError(f"cannot read an array from {path}: {error}", "run `codesign generate` first") from error


def _bus_fields(config: ArrayConfig) -> dict[str, list[int]]:
    """Lowest bit and width of each field of ``write__payload``, for a host that drives the port."""
    layout = write_bus_layout(config)
    return {str(name): [field.offset, field.width] for name, field in layout}
