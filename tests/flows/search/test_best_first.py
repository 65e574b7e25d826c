from hypothesis import given
from hypothesis import strategies as st

from flows.search.best_first import search

# (slack between bound and cost, cost, feasible)
Candidate = tuple[int, int, bool]

candidates = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 50), st.booleans()), max_size=30)


def evaluate(candidate: Candidate, limit: float) -> tuple[float, Candidate] | None:
    _, cost, feasible = candidate
    return (float(cost), candidate) if feasible and cost < limit else None


def bound(candidate: Candidate) -> float:
    return float(candidate[1] - candidate[0])


@given(candidates)
def test_it_finds_what_brute_force_finds(space: list[Candidate]) -> None:
    found = search(space, bound, evaluate)
    costs = [cost for _, cost, feasible in space if feasible]
    assert (None if found is None else found.cost) == (min(costs) if costs else None)


@given(candidates)
def test_it_evaluates_nothing_whose_bound_is_no_better_than_the_best(space: list[Candidate]) -> None:
    found = search(space, bound, evaluate)
    if found is not None:
        assert found.evaluated <= sum(1 for candidate in space if bound(candidate) <= found.cost)


def test_a_bound_that_is_too_high_makes_it_miss_the_best() -> None:
    space = [(0, 5, True), (0, 3, True)]
    found = search(space, lambda c: {5: 1.0, 3: 9.0}[c[1]], evaluate)
    assert found is not None
    assert found.cost == 5


def test_an_empty_space_has_no_winner() -> None:
    assert search([], bound, evaluate) is None
