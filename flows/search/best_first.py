"""Branch and bound over a finite set: exact search that evaluates only what can still win."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["SearchResult", "search"]

C = TypeVar("C")
R = TypeVar("R")


@dataclass(frozen=True)
class SearchResult(Generic[C, R]):
    """The winner, its evaluation and cost, and how many candidates were evaluated in full."""

    candidate: C
    outcome: R
    cost: float
    evaluated: int


def search(
    candidates: Iterable[C],
    bound: Callable[[C], float],
    evaluate: Callable[[C, float], tuple[float, R] | None],
) -> SearchResult[C, R] | None:
    """The candidate of least cost, or None where none is feasible.

    ``bound`` is a cheap lower bound on the cost. Candidates are visited in the order of their bounds, so that the
    first one whose bound is no better than the best cost ends the search. ``evaluate(candidate, limit)`` returns the
    exact cost and an outcome, or None where the candidate is infeasible or costs ``limit`` or more. Of equal costs
    the one with the lower bound wins, then the one listed first.

    >>> search([5, -3, 2], bound=abs, evaluate=lambda x, limit: (x * x, str(x))).outcome
    '2'
    """
    best: SearchResult[C, R] | None = None
    limit, evaluated = float("inf"), 0
    for least, candidate in sorted(((bound(c), c) for c in candidates), key=lambda pair: pair[0]):
        if least >= limit:
            break
        evaluated += 1
        found = evaluate(candidate, limit)
        if found is not None and found[0] < limit:
            limit = found[0]
            best = SearchResult(candidate, found[1], limit, evaluated)
    if best is None:
        return None
    return SearchResult(best.candidate, best.outcome, best.cost, evaluated)
