"""Which cells gate clocks, and what is read of them."""

from __future__ import annotations

import pytest

from flows.technology.mapper_library import mapper_library
from flows.technology.reference_cells import reference_cells
from flows.technology.technology import generic_technology
from flows.technology.units import Units
from tests.flows.technology.liberty_text import cell_text, edited, judged, reason, with_cells

GATE = "CLKGATE_X8"


def test_the_generic_library_has_one() -> None:
    (gate,) = judged(with_cells()).clock_gates
    assert (gate.name, gate.enable, gate.clock, gate.output) == (GATE, "E", "CK", "GCK")
    assert gate.area == pytest.approx(7)
    assert generic_technology().clock_gate == gate


def test_the_smallest_is_taken() -> None:
    smaller = cell_text(GATE).replace(GATE, "CLKGATE_X1").replace("area : 7", "area : 5")
    cells = judged(with_cells(smaller))
    assert len(cells.clock_gates) == 2
    found = reference_cells(cells, "x").clock_gate
    assert found is not None
    assert found.name == "CLKGATE_X1"


@pytest.mark.parametrize(
    ("pattern", "replacement", "told"),
    [
        ("latch_posedge", "latch_negedge", "it is a clock gate of kind latch_negedge, not latch_posedge"),
        ("clock_gate_out_pin : true;", "", "it is a clock gate without a clock_gate_out_pin"),
        ("clock_gate_enable_pin : true;", "clock_gate_enable_pin : false;", "without a clock_gate_enable_pin"),
        ("pin \\(GCK\\)", "pin (SE) { direction : input; capacitance : 1; }\n    pin (GCK)", "other inputs"),
        ("area :", "dont_use : true; area :", "it is marked dont_use"),
    ],
    ids=["edge", "output", "enable", "test pin", "dont_use"],
)
def test_others_are_refused_and_registers_keep_their_multiplexers(pattern: str, replacement: str, told: str) -> None:
    text = edited(GATE, pattern, replacement)
    assert told in reason(text, GATE)
    assert reference_cells(judged(text), "x").clock_gate is None


def test_the_mapper_sees_area_and_pins_alone() -> None:
    cells = judged(with_cells())
    reference = reference_cells(cells, "x")
    text = mapper_library(cells, reference.flip_flop, reference.clock_gate, Units("1ns", (1.0, "ff")))
    cell = text[text.index(f"cell ({GATE})") :]
    assert "pin (GCK) { direction : output; }" in cell
    assert f"cell ({GATE})" not in mapper_library(cells, reference.flip_flop, None, Units("1ns", (1.0, "ff")))
