import pytest

from flows.technology.generic_library import generic_liberty
from flows.technology.reference_cells import reference_cells
from flows.technology.timing import clk_to_q, fanout_of_four, setup
from tests.flows.technology.liberty_text import edited, judged


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
