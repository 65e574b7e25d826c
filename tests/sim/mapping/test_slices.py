"""Dealing positions to rows."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from compress.sets.balance import GroupCardinality
from sim.mapping.slices import slice_rows

masks = hnp.arrays(np.bool_, st.tuples(st.integers(1, 5), st.integers(1, 12), st.integers(1, 9)))


@given(masks, st.integers(1, 8))
def test_every_position_belongs_to_exactly_one_row(mask: NDArray[np.bool_], rows: int) -> None:
    owners = np.zeros(mask.shape[1:], int)
    for part in slice_rows(mask, rows):
        for channel in part.channels:
            owners[channel, list(part.taps)] += 1
    assert (owners == 1).all()


@given(masks, st.integers(1, 8))
def test_no_row_holds_more_than_its_share_of_channels(mask: NDArray[np.bool_], rows: int) -> None:
    share = -(-mask.shape[1] // rows)
    assert max(len(part.channels) for part in slice_rows(mask, rows)) <= share


@given(masks, st.integers(1, 8))
def test_a_row_takes_its_own_columns(mask: NDArray[np.bool_], rows: int) -> None:
    parts = slice_rows(mask, rows)
    assert sum(int(part.take(mask).sum()) for part in parts) == mask.sum()


def test_heavy_channels_are_spread() -> None:
    mask = np.zeros((10, 8, 1), np.bool_)
    mask[:, :4] = True
    assert [int(part.take(mask).sum()) for part in slice_rows(mask, 4)] == [10, 10, 10, 10]


def test_rows_share_the_taps_of_a_single_channel() -> None:
    parts = slice_rows(np.ones((3, 1, 25), np.bool_), 4)
    assert sorted(len(part.taps) for part in parts) == [6, 6, 6, 7]


@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 6), st.integers(1, 9), st.integers(0, 99))
def test_equal_parts_of_every_filter_stay_equal(rows: int, share: int, filters: int, taps: int, seed: int) -> None:
    weights = torch.randn(filters, rows * share, taps, generator=torch.Generator().manual_seed(seed))
    kept = 1 + seed % (share * taps)
    mask = GroupCardinality(kept, rows).project(weights).numpy() != 0
    assert all((part.take(mask).sum(axis=1) == kept).all() for part in slice_rows(mask, rows))


def test_a_slice_of_no_channels_has_no_positions() -> None:
    mask = np.zeros((4, 5, 2), np.bool_)  # slices of two, two, one and no channels
    for filter_mask, kept in zip(mask, ((0, 2, 4), (1, 3, 4), (0, 3, 4), (1, 2, 4)), strict=True):
        filter_mask[list(kept), 0] = True
    assert [part.positions for part in slice_rows(mask, 4)] == [4, 4, 2, 0]
