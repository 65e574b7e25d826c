"""Where a curve breaks even, whichever portions were measured first."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.search.break_even_ratio import BreakEvenRatio, break_even_ratio, next_portion

grids = st.lists(st.integers(1, 99).map(lambda hundredth: hundredth / 100), min_size=1, max_size=9, unique=True)
curves = st.dictionaries(st.integers(1, 99).map(lambda hundredth: hundredth / 100), st.booleans(), min_size=1)


def measured(pays: Callable[[float], bool], portions: list[float]) -> dict[float, bool]:
    """The outcome of every portion that is measured, at most eight beyond those given."""
    outcomes = {portion: pays(portion) for portion in portions}
    while (portion := next_portion(outcomes)) is not None:
        assert portion not in outcomes
        outcomes[portion] = pays(portion)
        assert len(outcomes) <= len(portions) + 8
    return outcomes


@given(st.floats(0, 1), grids, grids)
def test_two_grids_give_the_same_ratio(crossing: float, first: list[float], second: list[float]) -> None:
    def pays(portion: float) -> bool:
        return portion >= crossing

    assert break_even_ratio(measured(pays, first)) == break_even_ratio(measured(pays, second))


@given(st.floats(0, 1), st.lists(st.floats(0.005, 0.995), min_size=1, max_size=9), grids)
def test_portions_between_whole_percents_give_it_within_one_percent_of_the_weights(
    crossing: float, odd: list[float], grid: list[float]
) -> None:
    def pays(portion: float) -> bool:
        return portion >= crossing

    first, second = (break_even_ratio(measured(pays, portions)) for portions in (odd, grid))
    for ratio in (first, second):
        if ratio.high is not None:
            assert 1 - 1 / ratio.low <= crossing <= 1 - 1 / ratio.high + 1e-9
            assert 1 / ratio.low - 1 / ratio.high <= 0.01 + 1e-9
    if first.high is not None and second.high is not None:
        assert 1 / first.high == pytest.approx(1 / second.high, abs=0.01 + 1e-9)


@given(curves)
def test_above_the_ratio_no_measured_portion_loses(curve: dict[float, bool]) -> None:
    ratio = break_even_ratio(curve)
    losing = [portion for portion, pays in curve.items() if not pays]
    if ratio.high is None:
        assert losing
        assert max(losing) == max(curve)
    else:
        assert all(1 / (1 - portion) < ratio.high for portion in losing)
        assert curve[max(portion for portion in curve if 1 / (1 - portion) <= ratio.high)]
    assert ratio.low == (1 / (1 - max(losing)) if losing else 1)


@given(curves)
def test_a_ratio_survives_a_file(curve: dict[float, bool]) -> None:
    ratio = break_even_ratio(curve)
    assert BreakEvenRatio.from_dict(ratio.to_dict()) == ratio


@pytest.mark.parametrize(
    ("ratio", "text", "kind"),
    [
        (BreakEvenRatio(1.25, 1.28), "1.28×", "bracketed"),
        (BreakEvenRatio(1.0, 1 / 0.99), "at most 1.01×", "at_most"),
        (BreakEvenRatio(100.0, None), "never", "never"),
        (BreakEvenRatio(1.0, None), "never", "never"),
    ],
)
def test_a_bound_is_told_as_a_bound(ratio: BreakEvenRatio, text: str, kind: str) -> None:
    assert (str(ratio), ratio.kind, ratio.to_dict()["kind"]) == (text, kind, kind)


@pytest.mark.parametrize(
    ("alpha", "ratio", "passes"),
    [
        (0.5, BreakEvenRatio(1.9, 2.0), True),
        (0.51, BreakEvenRatio(1.9, 2.0), False),
        (1.0, BreakEvenRatio(1.0, 1.01), False),
        (0.999, BreakEvenRatio(1.0, 1.01), True),
        (0.01, BreakEvenRatio(100.0, None), False),
    ],
)
def test_a_ratio_is_passed_from_its_upper_bound_on(alpha: float, ratio: BreakEvenRatio, passes: bool) -> None:
    assert ratio.passed_by(alpha) is passes


@given(st.integers(2, 98), grids)
def test_pruning_to_the_ratio_passes_it(hundredth: int, grid: list[float]) -> None:
    ratio = break_even_ratio(measured(lambda portion: portion >= hundredth / 100, grid))
    assert ratio.high is not None
    assert ratio.passed_by(1 - hundredth / 100)
    assert not ratio.passed_by(1 - (hundredth - 1) / 100)


@given(curves)
def test_only_what_lies_between_the_bounds_is_measured_next(curve: dict[float, bool]) -> None:
    portion, ratio = next_portion(curve), break_even_ratio(curve)
    if portion is not None:
        assert ratio.low < 1 / (1 - portion)
        assert portion == 0.99 or (ratio.high is not None and 1 / (1 - portion) < ratio.high)


def test_a_dip_counts_only_where_a_measured_portion_falls_into_it() -> None:
    """The limit that the module states."""

    def pays(portion: float) -> bool:
        return portion >= 0.3 and not 0.84 <= portion <= 0.86

    tenths = [tenth / 10 for tenth in range(1, 10)]
    assert break_even_ratio(measured(pays, tenths)).high == pytest.approx(1 / 0.7)
    assert break_even_ratio(measured(pays, [*tenths, 0.85])).high == pytest.approx(1 / 0.13)


def test_a_curve_that_pays_from_the_first_portion_on_is_followed_down_to_one_percent() -> None:
    outcomes = measured(lambda portion: True, [0.3, 0.5])
    assert sorted(outcomes) == [0.01, 0.03, 0.07, 0.15, 0.3, 0.5]
    assert all(low < high for low, high in pairwise(sorted(outcomes)))
    assert break_even_ratio(outcomes) == BreakEvenRatio(1.0, 1 / 0.99)
