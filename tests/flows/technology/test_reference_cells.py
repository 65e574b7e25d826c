import re

import pytest

from compress.base.errors import CodesignError
from flows.technology.generic_library import generic_liberty
from flows.technology.reference_cells import reference_cells
from tests.flows.technology.liberty_text import cell_text, judged, with_cells

FLOP = cell_text("DFF_X1")


def test_the_flip_flop_with_the_fewest_tied_pins_is_the_reference_and_then_the_smallest() -> None:
    leaky = FLOP.replace("DFF_X1", "TIED").replace('"CK";', '"CK"; clear : "R";').replace("area : 5", "area : 1")
    tied = leaky.replace("    pin (Q)", "    pin (R) { direction : input; capacitance : 1; }\n    pin (Q)")
    small = FLOP.replace("DFF_X1", "SMALL").replace("area : 5", "area : 4")
    assert reference_cells(judged(with_cells(tied)), "x").flip_flop.name == "DFF_X1"
    assert reference_cells(judged(with_cells(tied, small)), "x").flip_flop.name == "SMALL"
    unusable = small.replace("area :", "dont_use : true; area :")
    assert reference_cells(judged(with_cells(unusable)), "x").flip_flop.name == "DFF_X1"


def refusal(text: str) -> str:
    with pytest.raises(CodesignError) as caught:
        reference_cells(judged(text), "vendor")
    return str(caught.value)


def test_a_refusal_tells_each_kind_that_is_missing_with_cell_and_reason() -> None:
    text = re.sub(r'function : "!\(A & B\)"', 'function : "A & B"', generic_liberty())
    text = re.sub(r"(cell \(INV_X\d+\) \{)", r"\1 dont_use : true;", text)
    told = refusal(re.sub(r"setup_rising", "hold_rising", text))
    assert "library vendor cannot be mapped to: it has no NAND2; no inverter can be used: " in told
    assert "INV_X1 (it is marked dont_use), INV_X2 (it is marked dont_use), INV_X4" in told
    assert "and 2 more; no D flip-flop can be used: DFF_X1 (pin D has no rise_constraint from CK)" in told


def test_a_refusal_tells_nothing_of_the_kinds_that_are_there() -> None:
    told = refusal(re.sub(r"clocked_on : \"CK\"", 'clocked_on : "!CK"', generic_liberty()))
    assert "not clocked by the rising edge" in told
    assert "NAND2:" not in told
    assert "inverter" not in told
