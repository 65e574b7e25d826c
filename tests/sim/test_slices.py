"""Dealing positions to rows."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sim.slices import slice_rows

masks = hnp.arrays(np.bool_, st.tuples(st.integers(1, 5), st.integers(1, 12), st.integers(1, 9)))


@given(masks, st.integers(1, 8))
def test_every_position_belongs_to_exactly_one_row(mask, rows):
    owners = np.zeros(mask.shape[1:], int)
    for part in slice_rows(mask, rows):
        for channel in part.channels:
            owners[channel, list(part.taps)] += 1
    assert (owners == 1).all()


@given(masks, st.integers(1, 8))
def test_no_row_holds_more_than_its_share_of_channels(mask, rows):
    share = -(-mask.shape[1] // rows)
    assert max(len(part.channels) for part in slice_rows(mask, rows)) <= share


@given(masks, st.integers(1, 8))
def test_a_row_takes_its_own_columns(mask, rows):
    parts = slice_rows(mask, rows)
    assert sum(int(part.take(mask).sum()) for part in parts) == mask.sum()


def test_heavy_channels_are_spread():
    mask = np.zeros((10, 8, 1), np.bool_)
    mask[:, :4] = True
    assert [int(part.take(mask).sum()) for part in slice_rows(mask, 4)] == [10, 10, 10, 10]


def test_rows_share_the_taps_of_a_single_channel():
    parts = slice_rows(np.ones((3, 1, 25), np.bool_), 4)
    assert sorted(len(part.taps) for part in parts) == [6, 6, 6, 7]
