"""Even in every stretch of filters, not in the totals alone."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from sim.mapping.assignment import assign, assign_evenly

counts = hnp.arrays(np.int64, st.tuples(st.integers(1, 9), st.integers(1, 14)), elements=st.integers(0, 9))
Groups = list[tuple[int, ...]]


def unevenness(nonzeros_kn: NDArray[np.int64], groups: Groups) -> Fraction:
    """What assigning evenly lowers, window by window."""
    filters = len(nonzeros_kn)
    total = Fraction(0)
    for group in groups:
        hand_k = nonzeros_kn[:, list(group)].sum(axis=1)
        total += int(hand_k.sum()) ** 2
        for window in (1, 2, 4, 8, 16, 32, 64):
            if window == 1 or 2 * window <= filters:
                places = [np.roll(hand_k, -first)[:window].sum() for first in range(filters)]
                total += Fraction(sum(int(place) ** 2 for place in places), window)
    return total


@given(counts, st.integers(1, 5), st.booleans())
def test_every_part_is_assigned_once_and_no_row_is_overfull(nonzeros: NDArray[np.int64], rows: int, even: bool) -> None:
    groups = assign_evenly(nonzeros, rows) if even else assign(nonzeros.sum(axis=0), rows)
    assert sorted(part for group in groups for part in group) == list(range(nonzeros.shape[1]))
    assert max(len(group) for group in groups) <= -(-nonzeros.shape[1] // rows)


@given(counts, st.integers(1, 5))
def test_stretches_are_at_least_as_even_as_the_totals_alone_make_them(nonzeros: NDArray[np.int64], rows: int) -> None:
    totals = assign(nonzeros.sum(axis=0), rows)
    assert unevenness(nonzeros, assign_evenly(nonzeros, rows)) <= unevenness(nonzeros, totals)


@given(counts)
def test_no_exchange_of_two_parts_is_left_that_evens_two_rows(nonzeros: NDArray[np.int64]) -> None:
    groups = assign_evenly(nonzeros[:, :6], 2)
    least = unevenness(nonzeros[:, :6], groups)
    for here in groups[0]:
        for there in groups[1]:
            exchanged = [
                tuple(sorted({*groups[0]} - {here} | {there})),
                tuple(sorted({*groups[1]} - {there} | {here})),
            ]
            assert unevenness(nonzeros[:, :6], exchanged) >= least


def test_filters_that_cancel_in_the_total_are_still_parted() -> None:
    nonzeros = np.array([[1, 0, 1, 0], [0, 1, 0, 1]])
    assert assign(nonzeros.sum(axis=0), 2) == [(0, 2), (1, 3)]  # each filter in one row
    assert assign_evenly(nonzeros, 2) == [(1, 2), (0, 3)]


def test_neighbouring_filters_make_up_for_each_other() -> None:
    nonzeros = np.array([[4, 0, 0, 2], [0, 4, 2, 0]] * 4)
    assert unevenness(nonzeros, assign_evenly(nonzeros, 2)) <= unevenness(nonzeros, [(0, 3), (1, 2)])


def test_equal_parts_are_left_as_dealt() -> None:
    assert assign_evenly(np.ones((3, 8), np.int64), 2) == [(0, 2, 4, 6), (1, 3, 5, 7)]


def test_no_filters_have_nothing_to_even() -> None:
    assert assign_evenly(np.zeros((1, 3), np.int64), 4) == [(0,), (1,), (2,), ()]
