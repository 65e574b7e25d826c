import re

import pytest

from compress.base.errors import CodesignError
from flows.technology.generic_library import generic_liberty
from flows.technology.timing import clk_to_q, fanout_of_four, reference_cells, setup
from tests.flows.technology.liberty_text import cell_text, edited, judged, with_cells

FLOP = cell_text("DFF_X1")


def test_the_generic_library_measures_to_its_own_units() -> None:
    reference = reference_cells(judged(generic_liberty()), "generic")
    names = (reference.nand2.name, reference.inverter.name, reference.flip_flop.name)
    assert names == ("NAND2_X1", "INV_X1", "DFF_X1")
    delay, slew, load = fanout_of_four(reference.inverter)
    assert load == 4
    assert delay == pytest.approx(1, abs=1e-6)
    assert clk_to_q(reference.flip_flop, slew, load) == pytest.approx(3.8, abs=1e-5)
    assert setup(reference.flip_flop, slew) == pytest.approx(1.6, abs=1e-5)


def test_the_slew_of_the_chain_is_its_own_fixed_point() -> None:
    rising = r"(rise_transition \(linear\) \{ values \()(\"[^\"]*\", )\"[^\"]*\""
    inverter = reference_cells(judged(edited("INV_X1", rising, r'\1\2"500.44, 528.6"')), "x").inverter
    _, slew, load = fanout_of_four(inverter)
    assert slew == pytest.approx((0.44 + 0.5 * slew + 0.44 * load + 0.44 + 0.44 * load) / 2, rel=1e-6)


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
