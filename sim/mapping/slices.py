"""Which positions of a filter each row works on, so that rows finish together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.mapping.assignment import assign, assign_evenly

__all__ = ["RowSlice", "slice_alike", "slice_rows", "slice_taps"]


@dataclass(frozen=True)
class RowSlice:
    """Positions of one row: every tap in ``taps`` of every channel in ``channels``, channels outermost.

    Both are empty for a row without work.
    """

    channels: tuple[int, ...]
    taps: tuple[int, ...]

    @property
    def positions(self) -> int:
        """Positions of a filter in this row."""
        return len(self.channels) * len(self.taps)

    def take(self, filters_kct: NDArray[np.generic]) -> NDArray[np.generic]:
        """(K, L) of a (K, C, R * S) array."""
        chosen = filters_kct[:, list(self.channels)][:, :, list(self.taps)]
        return chosen.reshape(len(filters_kct), self.positions)


def slice_rows(mask_kct: NDArray[np.bool_], rows: int, even: bool = False) -> tuple[RowSlice, ...]:
    """Assign channels to rows, or taps where there are fewer channels than rows.

    ``mask_kct`` is (K, C, R * S), true where a weight is kept. No row gets more than its share of the channels, which
    bounds its activation bank. With ``even`` rows are balanced over every stretch of filters, otherwise in total, which
    is quicker (``sim.mapping.assignment``). Without ``even``, neighbouring channels stay together where that gives each
    row an equal share of every filter and assignment by weight does not: masks that were pruned to equal shares
    (``compress.sets.balance.GroupCardinality``).
    """
    channels, taps = mask_kct.shape[1:]
    if channels >= rows:
        nonzeros_kc = mask_kct.sum(axis=2)
        groups = assign_evenly(nonzeros_kc, rows) if even else _by_weight_or_neighbours(nonzeros_kc, rows)
        return tuple(RowSlice(group, tuple(range(taps)) if group else ()) for group in groups)
    slices: list[RowSlice] = [RowSlice((), ())] * rows
    for channel in range(channels):
        sharing = range(channel, rows, channels)
        for row, group in zip(sharing, _assign(mask_kct[:, channel], len(sharing), even), strict=True):
            slices[row] = RowSlice((channel,), group) if group else RowSlice((), ())
    return tuple(slices)


def slice_taps(mask_kct: NDArray[np.bool_], rows: int, even: bool = False) -> tuple[RowSlice, ...]:
    """Assign taps to rows, each with all channels: rows also share the filters of a layer with one channel."""
    channels = tuple(range(mask_kct.shape[1]))
    assigned = _assign(mask_kct.sum(axis=1), rows, even)
    return tuple(RowSlice(channels, taps) if taps else RowSlice((), ()) for taps in assigned)


def slice_alike(mask_kct: NDArray[np.bool_], rows: int) -> tuple[RowSlice, ...]:
    """Equally many neighbouring channels for each row, the last ones' fewer or none: each with all taps.

    For rows in lock-step, which share their taps. Zeros are not looked at.
    """
    channels, taps = mask_kct.shape[1:]
    return tuple(RowSlice(group, tuple(range(taps)) if group else ()) for group in _neighbours(channels, rows))


def _assign(nonzeros_kn: NDArray[np.generic], rows: int, even: bool) -> list[tuple[int, ...]]:
    counts = nonzeros_kn.astype(np.int64)
    return assign_evenly(counts, rows) if even else assign(counts.sum(axis=0), rows)


def _by_weight_or_neighbours(nonzeros_kc: NDArray[np.int64], rows: int) -> list[tuple[int, ...]]:
    by_weight, neighbours = assign(nonzeros_kc.sum(axis=0), rows), _neighbours(nonzeros_kc.shape[1], rows)
    return neighbours if _equal(nonzeros_kc, neighbours) and not _equal(nonzeros_kc, by_weight) else by_weight


def _neighbours(channels: int, rows: int) -> list[tuple[int, ...]]:
    """Runs of ceil(channels / rows) neighbouring channels, the last ones shorter or empty."""
    share = -(-channels // rows)
    return [tuple(range(row * share, min(channels, (row + 1) * share))) for row in range(rows)]


def _equal(nonzeros_kc: NDArray[np.int64], groups: list[tuple[int, ...]]) -> bool:
    """Whether no group exceeds an equal share, rounded up, of any filter's nonzeros."""
    parts_kr = np.stack([nonzeros_kc[:, list(group)].sum(axis=1) for group in groups], axis=1)
    return bool((parts_kr.max(axis=1) <= -(-nonzeros_kc.sum(axis=1) // len(groups))).all())
