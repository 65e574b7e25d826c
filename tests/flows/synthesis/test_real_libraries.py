"""Open cell libraries, and the forms that vendors' libraries have, down to the mapped netlist."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from flows.synthesis.area import measure
from flows.synthesis.yosys import SynthesisResult, synthesize
from flows.technology.generic_library import generic_liberty
from flows.technology.technology import Technology, generic_technology, technology_from_liberty
from rtl.config import ArrayConfig
from tests.flows.technology.liberty_text import cell_text, with_cells
from tests.flows.technology.test_flip_flops import variant

PDK = os.environ.get("CODESIGN_PDK")
LIBRARIES = {
    "nangate45": "nangate45/nangate45_typ.lib.gz",
    "sky130hd": "sky130hd/sky130hd_tt.lib.gz",
    "sg13g2": "ihp-sg13g2/sg13g2_stdcell_typ_1p20V_25C.lib.gz",
}
FLOP = {
    "nangate45": ("DFF_X1", 4.522),
    "sky130hd": ("sky130_fd_sc_hd__dfxtp_1", 20.0192),
    "sg13g2": ("sg13g2_dfrbpq_1", 48.9888),
}
REGISTER = "module top(input clk, d, output reg q); always @(posedge clk) q <= d; endmodule"
XOR = "module top(input clk, a, b, output reg y); always @(posedge clk) y <= a ^ b; endmodule"
SMALL = ArrayConfig(rows=2, lanes=2, weight_bits=4, act_bits=4, acc_bits=16, weight_depth=32, activation_depth=16)


def opened(library: str) -> Technology:
    if PDK is None:
        pytest.skip("CODESIGN_PDK names no folder with Liberty libraries")
    path = Path(PDK) / LIBRARIES[library]
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return technology_from_liberty(path)


@pytest.mark.parametrize(
    ("library", "nand2", "fo4"),
    [("nangate45", 0.798, 0.0221), ("sky130hd", 3.7536, 0.0805), ("sg13g2", 7.2576, 0.0613)],
)
def test_open_libraries_measure_as_known(library: str, nand2: float, fo4: float) -> None:
    technology = opened(library)
    assert technology.nand2_area == pytest.approx(nand2)
    assert technology.fo4 == pytest.approx(fo4, rel=0.01)
    assert 3 < technology.clk_to_q / technology.fo4 < 6
    assert 0.5 < technology.setup / technology.fo4 < 3


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_register_is_the_library_s_smallest_flip_flop(library: str) -> None:
    name, area = FLOP[library]
    result = synthesize(REGISTER, "top", opened(library))
    assert result.cells == {name: 1}
    assert result.area == pytest.approx(area)


@pytest.mark.parametrize("library", LIBRARIES)
def test_an_array_has_about_the_gate_equivalents_and_fo4_of_the_generic_technology(library: str) -> None:
    technology, generic = opened(library), generic_technology()
    real, reference = measure(SMALL, technology), measure(SMALL, generic)
    assert 0.85 < real.logic_area / technology.nand2_area / reference.logic_area < 1.15
    assert 0.9 < real.clock_period / technology.fo4 / reference.clock_period < 1.5
    flops = [sum(part.flip_flops for part in measured.modules) for measured in (real, reference)]
    assert flops[0] == flops[1]


def mapped(folder: Path, source: str, text: str) -> SynthesisResult:
    path = folder / "vendor.lib"
    path.write_text(text, encoding="utf-8")
    return synthesize(source, "top", technology_from_liberty(path))


def state_cell(state: str, output: str) -> str:
    inputs = "".join(f"pin ({pin}) {{ direction : input; capacitance : 1; }}\n" for pin in ("D", "CK", "RN"))
    return f"cell (X) {{ area : 0.3; {state}\n{inputs}{output} }}\n"


Q = 'pin (Q) { direction : output; function : "IQ"; }'
ODD_CELLS = {
    "latch": state_cell("latch (IQ,IQN) { data_in : D; enable : (CK); }", Q),
    "unquoted": state_cell("ff (IQ,IQN) { next_state : D; clocked_on : CK; clear : (!RN); }", Q),
    "bank": state_cell("ff_bank (IQ,IQN,4) { next_state : D; clocked_on : CK; }", "bundle (Q) { members (Q0, Q1); }"),
    "statetable": state_cell('statetable ("CK D", "Q") { table : "L L : - : L, H - : - : N"; }', Q),
    "no area": cell_text("XOR2_X1").replace("XOR2_X1", "X").replace("area :", "height :"),
    "no delay": cell_text("XOR2_X1")
    .replace("XOR2_X1", "X")
    .replace("cell_rise", "other")
    .replace("area : ", "area : 0.0"),
    "dont_use": cell_text("XOR2_X1").replace("XOR2_X1", "X").replace("area : ", "dont_use : 1; area : 0.0"),
}


@pytest.mark.parametrize("odd", ODD_CELLS)
def test_a_cell_that_is_refused_is_never_mapped_to(odd: str, tmp_path: Path) -> None:
    assert mapped(tmp_path, XOR, with_cells(ODD_CELLS[odd])).cells == {"DFF_X1": 1, "XOR2_X1": 1}


def test_a_gate_without_an_area_is_replaced_and_not_free(tmp_path: Path) -> None:
    text = re.sub(r"(cell \(XN?OR2_X\d\) \{\n    )area", r"\1height", generic_liberty())
    result = mapped(tmp_path, XOR, text)
    assert not any(name.startswith("X") for name in result.cells)
    assert result.area > mapped(tmp_path, XOR, generic_liberty()).area


@pytest.mark.parametrize(
    ("pins", "state"),
    [
        (("RN",), {"clear": "!RN"}),
        (("S",), {"preset": "S"}),
        (("RN", "SN"), {"clear": "!RN", "preset": "!SN"}),
        (("SE", "SI"), {"next_state": "(SE*SI)+(D*!SE)"}),
        (("DE", "R"), {"next_state": "(D&DE) | (IQ&!DE)", "clear": "R"}),
    ],
)
def test_a_library_whose_flip_flops_need_ties_can_be_mapped_to(
    tmp_path: Path, pins: tuple[str, ...], state: dict[str, str]
) -> None:
    others = re.sub(r"  cell \(DFF\w+\) \{.*?\n  \}\n", "", with_cells(variant("ODD", *pins, **state)), flags=re.DOTALL)
    result = mapped(tmp_path, XOR, others)
    assert result.cells == {"ODD": 1, "XOR2_X1": 1}
    assert result.period == pytest.approx(mapped(tmp_path, XOR, generic_liberty()).period)
