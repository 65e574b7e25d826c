"""The distance q of a layer's levels +-m q, for any magnitudes m: the one with the least squared error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["best_interval"]

EMPTY_INTERVAL = 2.0**-10  # of a layer without a nonzero weight, whose error no interval changes much
SEARCH_BUDGET = 1 << 21  # level boundaries looked up in one search: a second


def best_interval(weights: Tensor, magnitudes: NDArray[np.int64]) -> float:
    """The q with the least squared error sum |w - f(w)|^2 over the nonzero weights (003 section 3.4.2).

    With the levels k(w) fixed, the best q is S1/S2 with S1 = sum |w| k and S2 = sum k^2, and lowers the error by
    S1^2/S2; so the best q of all belongs to the level assignment with the largest S1^2/S2. The assignment changes
    only where some |w| lies halfway between two levels, and all those intervals are tried, so the result is exact;
    when they are too many, a fine geometric grid over the same range is, and the best is refined (q := S1/S2 until it
    stays).

    Parameters
    ----------
    magnitudes : rising positive integers
        Of the levels, the first one 1.
    """
    nonzeros = np.sort(weights.detach().abs().double().reshape(-1).cpu().numpy())
    nonzeros = nonzeros[nonzeros > 0]
    if nonzeros.size == 0:
        return EMPTY_INTERVAL
    errors = _LevelSums(nonzeros, magnitudes)
    candidates = _candidate_intervals(nonzeros, _boundaries(magnitudes))
    first, second = errors.at(candidates)
    interval = float(candidates[np.argmax(first**2 / second)])
    while (refined := errors.best_interval(interval)) != interval and errors.gain(refined) > errors.gain(interval):
        interval = refined
    return errors.best_interval(interval)


def _boundaries(magnitudes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Halfway between two levels, in units of q."""
    return np.asarray((magnitudes[1:] + magnitudes[:-1]) / 2, np.float64)


class _LevelSums:
    """S1 = sum |w| k(w) and S2 = sum k(w)^2 for many intervals at once, from prefix sums over sorted magnitudes."""

    def __init__(self, sorted_weights: NDArray[np.float64], magnitudes: NDArray[np.int64]) -> None:
        self._weights = sorted_weights
        self._sum_from = np.append(np.cumsum(sorted_weights[::-1])[::-1], 0.0)
        self._boundaries = _boundaries(magnitudes)
        self._steps, self._square_steps = np.diff(magnitudes), np.diff(magnitudes**2)

    def at(self, intervals: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """At each boundary S1 grows by |w| times the step between its levels, S2 by the step between their squares."""
        places = np.searchsorted(self._weights, np.multiply.outer(intervals, self._boundaries))
        count = self._weights.size
        first = self._sum_from[0] + (self._sum_from[places] * self._steps).sum(axis=1)
        second = count + ((count - places) * self._square_steps).sum(axis=1)
        return first, second.astype(np.float64)

    def best_interval(self, interval: float) -> float:
        first, second = self.at(np.array([interval]))
        return float(first[0] / second[0])

    def gain(self, interval: float) -> float:
        first, second = self.at(np.array([interval]))
        return float(first[0] ** 2 / second[0])


def _candidate_intervals(nonzeros: NDArray[np.float64], boundaries: NDArray[np.float64]) -> NDArray[np.float64]:
    """One interval inside each piece of equal level assignments, or a grid when the pieces are too many."""
    if boundaries.size == 0:
        return nonzeros[-1:]
    if nonzeros.size * boundaries.size**2 <= SEARCH_BUDGET:
        changes = np.unique(np.divide.outer(nonzeros, boundaries))
        between = (changes[1:] + changes[:-1]) / 2
        return np.concatenate([changes[:1] / 2, between, changes[-1:] * 2])
    return np.geomspace(
        nonzeros[-1] / (4 * boundaries[-1]), nonzeros[-1] * 2, max(256, SEARCH_BUDGET // boundaries.size // 8)
    )
