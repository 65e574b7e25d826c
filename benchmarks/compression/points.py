"""Operating points of the compression benchmark: what its seeds reached at the same step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["Entries", "points_of"]

Entries = Sequence[Mapping[str, Any]]


def points_of(entries: Entries) -> list[Entries]:
    """The entries of one network by method and number of the run's step.

    Ratios do not tell which belong together: each seed drops other weights that reach no output any more.
    """
    points: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    numbers: dict[tuple[str, int], int] = {}
    for entry in entries:
        run = (entry["method"], entry["seed"])
        numbers[run] = numbers.get(run, -1) + 1
        points.setdefault((entry["method"], numbers[run]), []).append(entry)
    return list(points.values())
