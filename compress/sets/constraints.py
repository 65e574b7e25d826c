"""Constraint sets of ADMM: each is an object with a Euclidean projection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compress.base.errors import CodesignError
from compress.model.layer import MAX_WEIGHT_BITS, largest_level
from compress.sets.selection import largest_positions

__all__ = ["Cardinality", "ConstraintSet", "Levels", "LevelsOrZero", "search_interval"]

EMPTY_INTERVAL = 2.0**-10  # of a layer without a nonzero weight, whose error no interval changes much
SEARCH_BUDGET = 1 << 21  # level boundaries looked up in one search: a second


class ConstraintSet(Protocol):
    """A set that weights must end in; its projection is all that ADMM uses."""

    def project(self, weights: Tensor) -> Tensor:
        """The member of the set closest to ``weights``: argmin over Z of ||weights - Z||_F (003 eq. (7)).

        Shape and dtype stay, ``weights`` is not changed, and of equally close members the same one is always chosen.
        """


@dataclass(frozen=True)
class Cardinality:
    """At most ``count`` nonzero weights (003 section 3.3): the largest magnitudes stay, the others become zero.

    >>> Cardinality(2).project(torch.tensor([3.0, -1.0, 2.0]))
    tensor([3., 0., 2.])
    """

    count: int

    def __post_init__(self) -> None:
        if self.count < 0:
            raise CodesignError(f"a layer cannot keep {self.count} weights", "keep zero or more")

    def project(self, weights: Tensor) -> Tensor:
        """Zero all but the ``count`` largest magnitudes; of equal ones the first in C order stay."""
        return torch.where(largest_positions(weights, self.count), weights, torch.zeros_like(weights))


@dataclass(frozen=True, eq=False)
class Levels:
    """Equal-distance levels without zero: {-M/2 q .. -q, q .. M/2 q}, M = 2**weight_bits (003 section 3.4.2).

    Pruned weights stay zero. They are those that ``mask`` says, so that a kept weight gets a level even if it is
    0.0; without a mask they are those that are exactly zero.

    >>> Levels(weight_bits=2, interval=0.5).project(torch.tensor([0.1, -0.8, 0.0, 7.0]))
    tensor([ 0.5000, -1.0000,  0.0000,  1.0000])
    """

    weight_bits: int
    interval: float
    mask: Tensor | None = None

    def __post_init__(self) -> None:
        _check_weight_bits(self.weight_bits)
        if not 0 < self.interval < float("inf"):
            raise CodesignError(f"interval must be positive and finite, not {self.interval}", "search it again")

    def project(self, weights: Tensor) -> Tensor:
        """Every kept weight's closest level times q, the larger magnitude of two equally close."""
        return self.levels(weights).to(weights.dtype) * self.interval

    def levels(self, weights: Tensor) -> Tensor:
        """The projection's levels: int16, 0 where pruned, else -M/2..-1 or 1..M/2. A kept 0.0 gets level 1."""
        steps = torch.floor(weights.detach().abs().double() / self.interval + 0.5)
        magnitudes = steps.clamp(1, largest_level(self.weight_bits)).to(torch.int16)
        kept = weights != 0 if self.mask is None else self.mask
        return torch.where(kept, torch.where(weights < 0, -magnitudes, magnitudes), torch.zeros_like(magnitudes))


@dataclass(frozen=True)
class LevelsOrZero:
    """The levels of ``Levels``, and zero: what quantization asks of a weight that may still be pruned (000 eq. (3)).

    In the joint form a weight must lie in this set and in a cardinality set, whose zeros ``Levels`` would forbid.

    >>> LevelsOrZero(weight_bits=2, interval=0.5).project(torch.tensor([0.1, -0.8, 0.3, 7.0]))
    tensor([ 0.0000, -1.0000,  0.5000,  1.0000])
    """

    weight_bits: int
    interval: float

    def __post_init__(self) -> None:
        Levels(self.weight_bits, self.interval)

    def project(self, weights: Tensor) -> Tensor:
        """Every weight's closest of zero and the levels times q, the larger magnitude of two equally close."""
        steps = torch.floor(weights.detach().abs().double() / self.interval + 0.5)
        magnitudes = steps.clamp(0, largest_level(self.weight_bits)).to(weights.dtype)
        return torch.where(weights < 0, -magnitudes, magnitudes) * self.interval


def search_interval(weights: Tensor, weight_bits: int) -> float:
    """The q with the least squared error sum |w - f(w)|^2 over the nonzero weights (003 section 3.4.2).

    With the levels k(w) fixed, the best q is S1/S2 with S1 = sum |w| k and S2 = sum k^2, and lowers the error by
    S1^2/S2; so the best q of all belongs to the level assignment with the largest S1^2/S2. The assignment changes
    only where some |w| = (k + 1/2) q, and all those intervals are tried, so the result is exact; when they are too
    many, a fine geometric grid over the same range is, and the best is refined (q := S1/S2 until it stays).
    """
    _check_weight_bits(weight_bits)
    magnitudes = np.sort(weights.detach().abs().double().reshape(-1).cpu().numpy())
    magnitudes = magnitudes[magnitudes > 0]
    if magnitudes.size == 0:
        return EMPTY_INTERVAL
    errors = _LevelSums(magnitudes, weight_bits)
    candidates = _candidate_intervals(magnitudes, weight_bits)
    first, second = errors.at(candidates)
    interval = float(candidates[np.argmax(first**2 / second)])
    while (refined := errors.best_interval(interval)) != interval and errors.gain(refined) > errors.gain(interval):
        interval = refined
    return errors.best_interval(interval)


def _check_weight_bits(weight_bits: int) -> None:
    if not 1 <= weight_bits <= MAX_WEIGHT_BITS:
        raise CodesignError(f"weight_bits must be 1..{MAX_WEIGHT_BITS}, not {weight_bits}", "choose fewer or more bits")


class _LevelSums:
    """S1 = sum |w| k(w) and S2 = sum k(w)^2 for many intervals at once, from prefix sums over sorted magnitudes."""

    def __init__(self, sorted_magnitudes: NDArray[np.float64], weight_bits: int) -> None:
        self._magnitudes = sorted_magnitudes
        self._sum_from = np.append(np.cumsum(sorted_magnitudes[::-1])[::-1], 0.0)
        self._steps = np.arange(1, largest_level(weight_bits))

    def at(self, intervals: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Level k becomes k + 1 at the boundary (k + 1/2) q: S1 grows by |w|, S2 by 2 k + 1."""
        boundaries = np.multiply.outer(intervals, self._steps + 0.5)
        places = np.searchsorted(self._magnitudes, boundaries)
        count = self._magnitudes.size
        first = self._sum_from[0] + self._sum_from[places].sum(axis=1)
        second = count + ((count - places) * (2 * self._steps + 1)).sum(axis=1)
        return first, second.astype(np.float64)

    def best_interval(self, interval: float) -> float:
        first, second = self.at(np.array([interval]))
        return float(first[0] / second[0])

    def gain(self, interval: float) -> float:
        first, second = self.at(np.array([interval]))
        return float(first[0] ** 2 / second[0])


def _candidate_intervals(magnitudes: NDArray[np.float64], weight_bits: int) -> NDArray[np.float64]:
    """One interval inside each piece of equal level assignments, or a grid when the pieces are too many."""
    steps = np.arange(1, largest_level(weight_bits)) + 0.5
    if steps.size == 0:
        return magnitudes[-1:]
    if magnitudes.size * steps.size**2 <= SEARCH_BUDGET:
        changes = np.unique(np.divide.outer(magnitudes, steps))
        between = (changes[1:] + changes[:-1]) / 2
        return np.concatenate([changes[:1] / 2, between, changes[-1:] * 2])
    return np.geomspace(
        magnitudes[-1] / (4 * steps[-1]), magnitudes[-1] * 2, max(256, SEARCH_BUDGET // steps.size // 8)
    )
