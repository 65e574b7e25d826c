"""Steps from nonzero to nonzero through all filters of a row, for formats that have fillers and end markers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["GapSteps", "RowGaps", "Step", "place_steps"]


@dataclass(frozen=True, eq=False)
class GapSteps:
    """The steps of one row for fillers of one size.

    Members
    -------
    tokens_k : (K,) int64
        Steps of each filter, at least one.
    fillers, gap : (E,) int64
        For each nonzero and end marker, in order: fillers before it, and positions left to skip.
    marks : (E,) bool
        Which of them are end markers; these have neither fillers nor gap.
    """

    tokens_k: NDArray[np.int64]
    fillers: NDArray[np.int64]
    gap: NDArray[np.int64]
    marks: NDArray[np.bool_]

    def spread(self, words: NDArray[np.uint64], filler: int) -> NDArray[np.uint64]:
        """One value per step: ``words`` for nonzeros and markers, ``filler`` between them."""
        places = np.cumsum(self.fillers + 1) - 1
        steps = np.full(int(places[-1]) + 1, filler, np.uint64)
        steps[places] = words
        return steps


class RowGaps:
    """A (K, L) mask, ready to be divided into steps."""

    def __init__(self, mask_kl: NDArray[np.bool_]) -> None:
        self._positions = mask_kl.shape[1]
        self._empty = np.asarray(~mask_kl.any(axis=1))
        self._first = np.where(self._empty, 0, mask_kl.argmax(axis=1)).astype(np.int64)
        self._tail = np.where(self._empty, 0, mask_kl[:, ::-1].argmax(axis=1)).astype(np.int64)
        self._filter, self._place = np.nonzero(mask_kl)
        self._starts = np.diff(self._filter, prepend=-1) != 0
        self._inner = np.where(self._starts, 0, np.diff(self._place, prepend=0) - 1)

    def steps(self, step: int) -> GapSteps:
        """Divide by fillers of ``step`` positions, where a real gap is 0..step - 1.

        The gap from a filter's last nonzero to the next filter's first nonzero runs across the boundary, unless an end
        marker takes fewer steps; an empty filter is one marker.
        """
        through = self._runs_through(step)
        marker = self._empty.copy()
        marker[:-1] |= ~through & (self._tail[:-1] > 0)
        carried = np.zeros_like(self._tail)  # positions of the previous filter that a filter's first gap includes
        carried[1:] = np.where(marker[:-1], 0, self._tail[:-1])
        gap = np.where(self._starts, self._place + carried[self._filter], self._inner)
        key = np.concatenate(
            [
                self._filter * (self._positions + 1) + self._place,
                (np.flatnonzero(marker) + 1) * (self._positions + 1) - 1,
            ]
        )
        order = np.argsort(key)
        marks = np.concatenate([np.zeros(len(gap), np.bool_), np.ones(int(marker.sum()), np.bool_)])[order]
        gaps = np.concatenate([gap, np.zeros(int(marker.sum()), np.int64)])[order]
        return GapSteps(self._tokens(step, through, marker), gaps // step, gaps % step, marks)

    def _runs_through(self, step: int) -> NDArray[np.bool_]:
        """(K - 1,): whether the gap between filters k and k + 1 needs no end marker."""
        both = ~self._empty[:-1] & ~self._empty[1:]
        fillers_through = (self._tail[:-1] + self._first[1:]) // step
        steps_with_marker = (self._tail[:-1] > 0) + self._first[1:] // step
        return np.asarray(both & (fillers_through <= steps_with_marker))

    def _tokens(self, step: int, through: NDArray[np.bool_], marker: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Nonzeros, markers, and each filler in the filter where it stops."""
        filters = len(self._empty)
        across = (self._tail[:-1] + self._first[1:]) // step
        behind_boundary = np.minimum(across, np.maximum(0, -(-self._tail[:-1] // step) - 1))
        tokens = np.bincount(self._filter, 1 + self._inner // step, minlength=filters).astype(np.int64) + marker
        tokens[0] += self._first[0] // step
        tokens[1:] += np.where(through, across - behind_boundary, self._first[1:] // step)
        tokens[:-1] += np.where(through, behind_boundary, 0)
        return tokens


class Step(NamedTuple):
    """What a decoder reads: positions to skip, then a level, nothing (a filler) or the end of the filter."""

    gap: int
    level: int = 0
    ends_filter: bool = False


def place_steps(steps: Iterable[Step], filters: int, positions: int) -> NDArray[np.int16]:
    """(K, L) levels from the steps of one pass."""
    levels = np.zeros((filters, positions), np.int16)
    at, k = positions, -1
    for step in steps:
        at += step.gap
        if at >= positions:
            at, k = at - positions, k + 1
        if step.ends_filter:
            at = positions
        elif step.level:
            levels[k, at] = step.level
            at += 1
    return levels
