"""Which positions of a filter each row works on, so that rows finish together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.mapping.assignment import deal, deal_evenly

__all__ = ["RowSlice", "slice_rows", "slice_taps"]


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
    """Deal the channels to the rows, or the taps where channels are fewer than rows.

    ``mask_kct`` is (K, C, R * S), true where a weight was kept. No row gets more than its share of channels, which
    bounds its activation bank. ``even`` in every stretch of filters, or, which is quicker to find, about equal in total
    (``sim.mapping.assignment``). Without ``even``, neighbouring channels stay together where that gives each row its
    equal share of every filter and dealing does not: masks pruned so (``compress.sets.balance.GroupCardinality``).
    """
    channels, taps = mask_kct.shape[1:]
    if channels >= rows:
        nonzeros_kc = mask_kct.sum(axis=2)
        groups = deal_evenly(nonzeros_kc, rows) if even else _dealt_or_neighbours(nonzeros_kc, rows)
        return tuple(RowSlice(group, tuple(range(taps)) if group else ()) for group in groups)
    slices: list[RowSlice] = [RowSlice((), ())] * rows
    for channel in range(channels):
        sharing = range(channel, rows, channels)
        for row, group in zip(sharing, _deal(mask_kct[:, channel], len(sharing), even), strict=True):
            slices[row] = RowSlice((channel,), group) if group else RowSlice((), ())
    return tuple(slices)


def slice_taps(mask_kct: NDArray[np.bool_], rows: int, even: bool = False) -> tuple[RowSlice, ...]:
    """Every channel in every row, and the taps dealt: each row has its share of a filter of one channel, too."""
    channels = tuple(range(mask_kct.shape[1]))
    dealt = _deal(mask_kct.sum(axis=1), rows, even)
    return tuple(RowSlice(channels, taps) if taps else RowSlice((), ()) for taps in dealt)


def _deal(nonzeros_kn: NDArray[np.generic], hands: int, even: bool) -> list[tuple[int, ...]]:
    counts = nonzeros_kn.astype(np.int64)
    return deal_evenly(counts, hands) if even else deal(counts.sum(axis=0), hands)


def _dealt_or_neighbours(nonzeros_kc: NDArray[np.int64], rows: int) -> list[tuple[int, ...]]:
    dealt, neighbours = deal(nonzeros_kc.sum(axis=0), rows), _cut(nonzeros_kc.shape[1], rows)
    return neighbours if _equal(nonzeros_kc, neighbours) and not _equal(nonzeros_kc, dealt) else dealt


def _cut(channels: int, rows: int) -> list[tuple[int, ...]]:
    """Slices of ceil(channels / rows) neighbours, the last ones shorter or empty."""
    share = -(-channels // rows)
    return [tuple(range(row * share, min(channels, (row + 1) * share))) for row in range(rows)]


def _equal(nonzeros_kc: NDArray[np.int64], groups: list[tuple[int, ...]]) -> bool:
    """Whether no group has more than its equal share, rounded up, of any filter's nonzeros."""
    parts_kr = np.stack([nonzeros_kc[:, list(group)].sum(axis=1) for group in groups], axis=1)
    return bool((parts_kr.max(axis=1) <= -(-nonzeros_kc.sum(axis=1) // len(groups))).all())
