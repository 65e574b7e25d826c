import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.model.requantization import Requantization


@given(st.floats(2**-23, 2**6))
def test_multiplier_and_shift_are_close_to_the_scale(scale: float) -> None:
    chosen = Requantization.from_scale(scale)
    assert chosen.multiplier / 2**chosen.shift == pytest.approx(scale, rel=2**-9)


@given(st.floats(1e-300, 2**-23))
def test_tiny_scales_stay_valid(scale: float) -> None:
    chosen = Requantization.from_scale(scale)
    assert chosen.multiplier / 2**chosen.shift == pytest.approx(scale, rel=2**-9, abs=2**-32)


@pytest.mark.parametrize("scale", [0.0, -1.0, 2.0**7, float("inf"), float("nan")])
def test_impossible_scales_are_a_clear_error(scale: float) -> None:
    with pytest.raises(CodesignError, match="scale"):
        Requantization.from_scale(scale)


@pytest.mark.parametrize(("multiplier", "shift"), [(0, 1), (2**9, 1), (1, 0), (1, 33)])
def test_members_out_of_range_are_a_clear_error(multiplier: int, shift: int) -> None:
    with pytest.raises(CodesignError, match="out of range"):
        Requantization(multiplier, shift)
