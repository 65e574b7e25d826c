"""Deal channels, or taps, to rows: about as many nonzeros each, in total or in every stretch of filters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["deal", "deal_evenly"]

_WINDOWS = (1, 2, 4, 8, 16, 32, 64)
"""Lengths of the stretches of filters in which rows shall be even."""

_SWEEPS = 6
_MOST_EXCHANGED = 1024
"""Above so many parts, the tables of their products grow large, and sums of so many are about even already."""


def deal(weights: NDArray[np.int64], hands: int) -> list[tuple[int, ...]]:
    """Indices of ``weights`` in ``hands`` groups of at most ceil(n / hands), about equally heavy.

    Longest processing time first: the next heaviest goes to the lightest hand that still has room.

    >>> deal(np.array([5, 3, 3, 1]), 2)
    [(0, 3), (1, 2)]
    """
    return _groups(_heaviest_first(weights, hands), hands)


def deal_evenly(nonzeros_kn: NDArray[np.int64], hands: int) -> list[tuple[int, ...]]:
    """The n parts in ``hands`` groups of at most ceil(n / hands), even in every stretch of filters.

    ``nonzeros_kn`` (K, n) are the nonzeros of each filter in each part. Rows in a chain may be about one filter apart,
    so that one waits for another when their sums over *some* neighbouring filters differ by a filter's worth; that the
    totals are equal does not help. From what ``deal`` gives, pairs are exchanged between hands while that lowers

        sum over windows w, over the K places of a window (they wrap around, as tiles repeat), over hands, of
        (nonzeros of the hand in the window)^2 / w,   and over hands, of (all nonzeros of the hand)^2.

    >>> deal_evenly(np.array([[1, 0, 1, 0], [0, 1, 0, 1]]), 2)
    [(1, 2), (0, 3)]
    """
    owner = _heaviest_first(nonzeros_kn.sum(axis=0), hands)
    if nonzeros_kn.shape[1] <= _MOST_EXCHANGED:
        _exchange(_products(nonzeros_kn), owner, hands)
    return _groups(owner, hands)


def _groups(owner: NDArray[np.int64], hands: int) -> list[tuple[int, ...]]:
    return [tuple(np.flatnonzero(owner == hand).tolist()) for hand in range(hands)]


def _heaviest_first(weights: NDArray[np.int64], hands: int) -> NDArray[np.int64]:
    """(n,): the hand of each part."""
    room = -(-len(weights) // hands)
    owner = np.zeros(len(weights), np.int64)
    held, loads = [0] * hands, [0] * hands
    for part in np.argsort(-weights, kind="stable").tolist():
        hand = min((h for h in range(hands) if held[h] < room), key=lambda h: (loads[h], held[h], h))
        owner[part] = hand
        held[hand] += 1
        loads[hand] += int(weights[part])
    return owner


def _products(nonzeros_kn: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n, n): for two parts, the sum over all windows of the product of their nonzeros, divided by the window.

    Filters d apart are together in w - d windows of w; a window is at most half of the filters, or the totals, which
    are one window of all. Scaled to integers, which stay exact: far below 2^53.
    """
    filters = len(nonzeros_kn)
    apart = np.abs(np.subtract.outer(np.arange(filters), np.arange(filters)))
    apart = np.minimum(apart, filters - apart)
    windows = [window for window in _WINDOWS if 2 * window <= filters or window == 1]
    shared = sum(_WINDOWS[-1] // window * np.maximum(0, window - apart) for window in windows) + _WINDOWS[-1]
    counts = nonzeros_kn.astype(np.float64)
    return np.asarray(counts.T @ (np.asarray(shared, np.float64) @ counts))


def _exchange(products: NDArray[np.float64], owner: NDArray[np.int64], hands: int) -> None:
    """Give each part in turn for the one of another hand that lowers the sum of squares most, if any does.

    With s_a the sums of hand a, exchanging i of a for j of b changes half of the sum of squares by
    s_a.(j - i) + s_b.(i - j) + (i - j).(i - j); all these dot products are in ``products`` and its sums.
    """
    squares = products.diagonal()
    sums = np.stack([products[owner == hand].sum(axis=0) for hand in range(hands)])  # (hands, n): s_a.j
    own = sums[owner, np.arange(len(owner))]
    for _ in range(_SWEEPS):
        exchanged = False
        for i in range(len(owner)):
            a = owner[i]
            change = sums[a] - sums[a, i] + sums[owner, i] - own + squares[i] + squares - 2 * products[i]
            change[owner == a] = 0
            j = int(change.argmin())
            if change[j] < 0:
                b = owner[j]
                sums[a] += products[j] - products[i]
                sums[b] += products[i] - products[j]
                owner[i], owner[j] = b, a
                own = sums[owner, np.arange(len(owner))]
                exchanged = True
        if not exchanged:
            return
