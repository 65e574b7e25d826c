import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor

from compress.base.errors import CodesignError
from compress.model.layer import largest_level
from compress.sets.powers_of_two import MAX_CODE_BITS, PowersOfTwo, exponents_of, search_power_interval

WEIGHTS = hnp.arrays(
    np.float64, st.integers(1, 12), elements=st.floats(-8, 8).filter(lambda w: w == 0 or abs(w) > 1e-3)
).map(torch.from_numpy)
exponents = st.integers(1, 8)


def square_error(weights: Tensor, count: int, interval: float) -> float:
    return float((weights - PowersOfTwo(count, interval).project(weights)).square().sum())


@settings(deadline=None)
@given(WEIGHTS, exponents, st.sampled_from([0.125, 0.25, 0.3, 1.0]))
def test_no_power_is_closer(weights: Tensor, count: int, interval: float) -> None:
    allowed = torch.tensor([sign * 2.0**k for k in range(count) for sign in (-1, 1)], dtype=weights.dtype) * interval
    projected = PowersOfTwo(count, interval).project(weights)
    closest = (weights[:, None] - allowed).abs().amin(dim=1)
    kept = weights != 0
    torch.testing.assert_close((weights - projected).abs()[kept], closest[kept], rtol=0, atol=1e-12)
    assert not projected[~kept].any()


@settings(deadline=None)
@given(WEIGHTS, exponents)
def test_levels_are_powers_that_fit_their_bits(weights: Tensor, count: int) -> None:
    target = PowersOfTwo(count, 0.1)
    levels = target.levels(weights).long()
    assert not (levels.abs() & (levels.abs() - 1)).any()
    assert int(levels.abs().max()) <= largest_level(target.weight_bits)
    assert torch.equal(target.project(target.project(weights)), target.project(weights))


def test_a_mask_says_what_is_kept_and_halfway_the_larger_wins() -> None:
    target = PowersOfTwo(3, 1.0, torch.tensor([True, True, True, False]))
    assert target.levels(torch.tensor([0.0, 1.5, -3.0, 9.0])).tolist() == [1, 2, -4, 0]


@settings(deadline=None, max_examples=60)
@given(WEIGHTS, st.integers(1, 4))
def test_no_interval_of_a_dense_scan_is_better(weights: Tensor, count: int) -> None:
    error = square_error(weights, count, search_power_interval(weights, count))
    scan = np.linspace(1e-3, 1.1 * max(1e-3, float(weights.abs().max())), 2000)
    assert error <= min(square_error(weights, count, interval) for interval in scan) + 1e-12


def test_a_code_has_a_sign_and_an_exponent() -> None:
    assert [exponents_of(bits) for bits in range(1, MAX_CODE_BITS + 1)] == [1, 2, 4, 8]
    for bits in (0, 5):
        with pytest.raises(CodesignError, match="beyond 8-bit levels"):
            exponents_of(bits)


@pytest.mark.parametrize(("count", "interval"), [(0, 1.0), (9, 1.0), (3, 0.0), (3, float("inf"))])
def test_impossible_sets_are_a_clear_error(count: int, interval: float) -> None:
    with pytest.raises(CodesignError, match="must be"):
        PowersOfTwo(count, interval)
