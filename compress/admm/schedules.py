"""Constraint sets that tighten while ADMM runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from compress.base.errors import CodesignError
from compress.sets.constraints import Cardinality, ConstraintSet

__all__ = ["FallingCardinality", "Schedule"]


@runtime_checkable
class Schedule(Protocol):
    """A constraint set for every point of a run."""

    def at(self, portion: float) -> ConstraintSet:
        """The set after a portion of the iterations; ``at(1)`` is the one that counts. Equal sets compare equal."""


@dataclass(frozen=True)
class FallingCardinality:
    """Rising sparsity: the number of weights falls from ``first`` to ``last`` by equal factors, then stays.

    Members
    -------
    rise : float
        The portion of the iterations after which it has reached ``last``.

    >>> [FallingCardinality(1000, 10, rise=0.5).at(portion).count for portion in (0.0, 0.25, 0.5, 1.0)]
    [1000, 100, 10, 10]
    """

    first: int
    last: int
    rise: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.last <= self.first or not 0 < self.rise <= 1:
            raise CodesignError(
                f"a cardinality cannot fall from {self.first} to {self.last} within {self.rise} of a run",
                "let it fall to at least 1, within more than 0 and at most all of the run",
            )

    def at(self, portion: float) -> Cardinality:
        """The cardinality after a portion of the iterations."""
        done = min(1.0, portion / self.rise)
        return Cardinality(round(self.first * (self.last / self.first) ** done))
