"""What Yosys makes of products for FPGAs: one hardware multiplier each, or none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rtl.array.lockstep_pe import LockstepPE
from rtl.array.pe import PE
from rtl.array.requantizer import Requantizer
from rtl.config import ArrayConfig
from rtl.verilog import emit_rtlil
from tests.formal.engine import yosys

FAMILIES = {
    "ecp5": ("synth_ecp5", {"MULT18X18D"}),
    "ice40": ("synth_ice40 -dsp", {"SB_MAC16"}),
    "gowin": ("synth_gowin", {"MULT9X9", "MULT18X18"}),
    "nexus": ("synth_nexus", {"MULT9X9", "MULT18X18"}),
    "xilinx": ("synth_xilinx", {"DSP48E1"}),
}
"""A family of FPGAs -> its synthesis, and what Yosys calls its multipliers."""

MULTIPLYING = (PE, LockstepPE, Requantizer)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("component", MULTIPLYING)
def test_each_takes_one_hardware_multiplier(component: type[PE], family: str, tmp_path: Path) -> None:
    assert count(component, ArrayConfig(1, 1, multipliers="dsp"), family, tmp_path) == 1


@pytest.mark.parametrize("component", MULTIPLYING)
def test_in_gates_there_is_none(component: type[PE], tmp_path: Path) -> None:
    assert count(component, ArrayConfig(1, 1), "ecp5", tmp_path) == 0


@pytest.mark.parametrize("component", [PE, LockstepPE])
def test_levels_of_two_bits_need_none(component: type[PE], tmp_path: Path) -> None:
    assert count(component, ArrayConfig(1, 1, weight_bits=2, multipliers="dsp"), "ecp5", tmp_path) == 0


def count(component: type[PE], config: ArrayConfig, family: str, folder: Path) -> int:
    """Hardware multipliers of a component; of other kinds than the family's smallest fitting one there are none."""
    command, multipliers = FAMILIES[family]
    source, report = folder / "component.il", folder / "stat.json"
    source.write_text(emit_rtlil(component(config), "component"), encoding="utf-8")
    yosys(f"read_rtlil {source}; {command} -top component; tee -q -o {report} stat -json")
    cells: dict[str, int] = json.loads(report.read_text(encoding="utf-8"))["design"]["num_cells_by_type"]
    found = {name: number for name, number in cells.items() if name.startswith(("MULT", "DSP", "SB_MAC"))}
    assert not set(found) - multipliers
    return sum(found.values())
