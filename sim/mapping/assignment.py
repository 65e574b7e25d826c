"""Assign channels, or taps, to rows with about equal nonzeros, in total or over every stretch of filters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["assign", "assign_evenly"]

_WINDOWS = (1, 2, 4, 8, 16, 32, 64)
"""Lengths of the stretches of filters over which rows are balanced."""

_SWEEPS = 6
_MOST_EXCHANGED = 1024
"""Above this many parts no pairs are exchanged: the table of products grows large, and the sums are nearly equal."""


def assign(weights: NDArray[np.int64], rows: int) -> list[tuple[int, ...]]:
    """Indices of ``weights`` for each of ``rows`` rows, at most ceil(n / rows) each, of about equal total weight.

    Longest processing time first: the next heaviest goes to the lightest row that still has room.

    >>> assign(np.array([5, 3, 3, 1]), 2)
    [(0, 3), (1, 2)]
    """
    return _groups(_heaviest_first(weights, rows), rows)


def assign_evenly(nonzeros_kn: NDArray[np.int64], rows: int) -> list[tuple[int, ...]]:
    """The n parts for each of ``rows`` rows, at most ceil(n / rows) each, balanced over every stretch of filters.

    ``nonzeros_kn`` (K, n) are the nonzeros of each filter in each part. Rows of a chain may be about one filter apart,
    so one waits for another when their sums over *some* neighbouring filters differ by about a filter; equal totals do
    not prevent that. Starting from ``assign``, pairs of parts are exchanged between rows while that lowers

        sum over windows w, over the K places of a window (wrapping around, as pixel groups repeat), over rows, of
        (nonzeros of the row in the window)^2 / w,   plus the sum over rows of (all nonzeros of the row)^2.

    >>> assign_evenly(np.array([[1, 0, 1, 0], [0, 1, 0, 1]]), 2)
    [(1, 2), (0, 3)]
    """
    owner = _heaviest_first(nonzeros_kn.sum(axis=0), rows)
    if nonzeros_kn.shape[1] <= _MOST_EXCHANGED:
        _exchange(_products(nonzeros_kn), owner, rows)
    return _groups(owner, rows)


def _groups(owner: NDArray[np.int64], rows: int) -> list[tuple[int, ...]]:
    return [tuple(np.flatnonzero(owner == row).tolist()) for row in range(rows)]


def _heaviest_first(weights: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """(n,): the row of each part."""
    room = -(-len(weights) // rows)
    owner = np.zeros(len(weights), np.int64)
    held, loads = [0] * rows, [0] * rows
    for part in np.argsort(-weights, kind="stable").tolist():
        row = min((r for r in range(rows) if held[r] < room), key=lambda r: (loads[r], held[r], r))
        owner[part] = row
        held[row] += 1
        loads[row] += int(weights[part])
    return owner


def _products(nonzeros_kn: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n, n): for each pair of parts, the sum over all windows of the product of their nonzeros over the window length.

    Filters that are d apart share w - d windows of length w. Windows are at most half of the filters long, plus one of
    all filters for the totals. Scaled to integers far below 2^53, which floats hold exactly.
    """
    filters = len(nonzeros_kn)
    apart = np.abs(np.subtract.outer(np.arange(filters), np.arange(filters)))
    apart = np.minimum(apart, filters - apart)
    windows = [window for window in _WINDOWS if 2 * window <= filters or window == 1]
    shared = sum(_WINDOWS[-1] // window * np.maximum(0, window - apart) for window in windows) + _WINDOWS[-1]
    counts = nonzeros_kn.astype(np.float64)
    return np.asarray(counts.T @ (np.asarray(shared, np.float64) @ counts))


def _exchange(products: NDArray[np.float64], owner: NDArray[np.int64], rows: int) -> None:
    """For each part in turn, make the exchange with a part of another row that lowers the sum of squares most.

    With s_a the sums of row a, exchanging i of a for j of b changes half of the sum of squares by
    s_a.(j - i) + s_b.(i - j) + (i - j).(i - j); all these dot products are in ``products`` and its sums.
    """
    squares = products.diagonal()
    sums = np.stack([products[owner == row].sum(axis=0) for row in range(rows)])  # (rows, n): s_a.j
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
