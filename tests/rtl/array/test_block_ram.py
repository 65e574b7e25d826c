"""Synthesis for FPGAs makes block RAM of the banks, and no logic around it."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from rtl.array.sram import sram_verilog
from rtl.inventory import SramUse, srams
from rtl.presets import preset
from tests.formal.engine import yosys

BLOCKS = {
    "ecp5": {"DP16KD", "PDPW16KD"},
    "ice40": {"SB_RAM40_4K"},
    "gowin": {"DPB", "SDPB", "DPX9B", "SDPX9B"},
    "nexus": {"PDPSC16K", "DP16K"},
    "xilinx": {"RAMB18E1", "RAMB36E1"},
}
"""A family of FPGAs -> what Yosys calls its block RAMs."""

BANKS = {use.name: use for use in srams(preset("edge"))}

ATTRIBUTES = re.compile(r"\(\*.*\*\)")
COLLISIONS = re.compile(r"`ifndef SYNTHESIS.*`endif", re.DOTALL)


def mapped(family: str, bank: SramUse, folder: Path, text: str = "") -> Counter[str]:
    """Block RAMs, and bits of flip-flops, of distributed RAM and of memory without a place, in the mapped ``bank``."""
    source, said = folder / "bank.v", folder / "stat.json"
    source.write_text(text or sram_verilog(bank.depth, bank.width))
    top = f"sram_{bank.depth}x{bank.width}"
    yosys(f"read_verilog {source}; synth_{family} -top {top} -run :map_ffram; tee -q -o {said} stat -width -json")
    cells = json.loads(said.read_text())["modules"][f"\\{top}"]["num_cells_by_type"]
    found: Counter[str] = Counter()
    for name, count in cells.items():
        kind, _, width = name.partition("_") if name.startswith("$") else (name, "", "")
        if kind in BLOCKS[family]:
            found["blocks"] += count
        elif kind.startswith("$dff") or kind.startswith("$sdff"):
            found["flip-flops"] += count * int(width)
        elif not kind.startswith("$") or kind.startswith("$mem"):
            found["other memory"] += count
    return found


@pytest.mark.parametrize("bank", BANKS)
@pytest.mark.parametrize("family", BLOCKS)
def test_a_bank_is_block_ram_alone(family: str, bank: str, tmp_path: Path) -> None:
    found = mapped(family, BANKS[bank], tmp_path)
    assert found["blocks"]
    assert not found["other memory"]
    assert found["flip-flops"] < BANKS[bank].width  # which of the blocks was read, at most


@pytest.mark.parametrize("family", ["ecp5", "ice40", "gowin"])
def test_it_turns_red_on_a_read_without_a_register(family: str, tmp_path: Path) -> None:
    bank = BANKS["table"]
    text = sram_verilog(bank.depth, bank.width).replace("output reg", "output")
    text = COLLISIONS.sub("", text).replace("if (read_en) read_data <=", "").replace("words[read_address];", "", 1)
    text = text.replace("endmodule", "assign read_data = words[read_address]; endmodule")
    assert not mapped(family, bank, tmp_path, text)["blocks"]


def test_it_turns_red_on_a_promise_that_is_not_told(tmp_path: Path) -> None:
    bank = BANKS["table"]
    text = ATTRIBUTES.sub("", sram_verilog(bank.depth, bank.width))
    assert mapped("ecp5", bank, tmp_path, text)["flip-flops"] >= bank.width
