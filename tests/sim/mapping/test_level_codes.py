"""Codes of levels: every code once, sums of levels, and what powers of two need."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.sets.powers_of_two import MAX_CODE_BITS, exponents_of
from rtl.config import LEVELS, MAX_POWER_BITS, ArrayConfig
from sim.mapping.level_codes import LinearCodes, PowerCodes, level_codes, power_bits

CODES = [*(level_codes("linear", bits) for bits in range(1, 9)), *(level_codes("powers", bits) for bits in range(1, 5))]


@pytest.mark.parametrize("codes", CODES, ids=str)
def test_every_code_is_a_level_of_its_own(codes: LinearCodes | PowerCodes) -> None:
    levels = np.array([codes.level(code) for code in range(1 << codes.bits)], np.int16)
    assert 0 not in levels
    assert len(set(levels.tolist())) == 1 << codes.bits
    np.testing.assert_array_equal(codes.encode(levels), np.arange(1 << codes.bits))


def test_linear_levels_go_to_half_the_number_of_codes_and_powers_are_powers() -> None:
    assert sorted(LinearCodes(3).level(code) for code in range(8)) == [-4, -3, -2, -1, 1, 2, 3, 4]
    assert [PowerCodes(3).level(code) for code in range(8)] == [1, 2, 4, 8, -1, -2, -4, -8]
    assert max(PowerCodes(4).level(code) for code in range(16)) == 1 << (exponents_of(4) - 1)


@given(st.sampled_from(CODES).filter(lambda codes: codes.bits > 1), st.data())
def test_levels_with_a_sum_have_it_and_are_levels(codes: LinearCodes | PowerCodes, data: st.DataObject) -> None:
    levels = {codes.level(code) for code in range(1 << codes.bits)}
    total, count = data.draw(st.just(0) | st.sampled_from(sorted(levels))), data.draw(st.integers(1, 9))
    if (total, count) == (0, 1):
        return
    found = codes.with_sum(total, count)
    assert len(found) == count
    assert sum(found) == total
    assert set(found) <= levels


@pytest.mark.parametrize(
    ("levels", "bits"), [([0], 1), ([1, -1], 1), ([2], 2), ([4, 0, -1], 3), ([16], 4), ([-128], 4)]
)
def test_powers_take_a_sign_and_the_bits_of_the_largest_exponent(levels: list[int], bits: int) -> None:
    assert power_bits("layer", levels) == bits


def test_a_level_that_is_no_power_of_two_is_named() -> None:
    with pytest.raises(CodesignError, match="layer 'conv1' has the level 6, which is not a power of two") as told:
        power_bits("layer 'conv1'", [1, -6, 8])
    assert "linear" in told.value.next_step


def test_arrays_have_the_powers_that_quantization_makes() -> None:
    assert MAX_POWER_BITS == MAX_CODE_BITS
    assert {ArrayConfig(rows=1, lanes=1, weight_bits=4, levels=levels).levels for levels in LEVELS} == set(LEVELS)
    for wrong, told in (({"weight_bits": 5, "levels": "powers"}, "1..4 bits"), ({"levels": "log"}, "linear, powers")):
        with pytest.raises(CodesignError, match=told):
            ArrayConfig(rows=1, lanes=1, **wrong)
