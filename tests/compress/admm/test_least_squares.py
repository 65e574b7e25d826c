from functools import partial
from itertools import combinations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from compress.admm.iteration import AdmmConfig
from compress.admm.least_squares import LeastSquares, sparse_least_squares
from compress.sets.constraints import Cardinality

CONFIG = AdmmConfig(tolerance=0)


def problem_of(seed: int, groups: int = 1, inputs: int = 6, outputs: int = 2, noise: float = 0.0) -> LeastSquares:
    """Correlated inputs, so that magnitudes say little; the answers are the dense weights', with some noise."""
    torch.manual_seed(seed)
    x = torch.randn(groups, 50, inputs, dtype=torch.float64) @ torch.randn(groups, inputs, inputs, dtype=torch.float64)
    weights = torch.randn(groups, inputs, outputs, dtype=torch.float64)
    y = x @ weights + noise * torch.randn(groups, 50, outputs, dtype=torch.float64)
    return LeastSquares(x.mT @ x, x.mT @ y, weights)


def error_of(problem: LeastSquares, weights: Tensor) -> float:
    """||X W - Y||^2 without the part that no weight changes."""
    return float((weights * (problem.gram @ weights - 2 * problem.cross)).sum())


def best_of_support(problem: LeastSquares, kept: Tensor) -> Tensor:
    """The exact least squares over the weights that are kept."""
    damped, best = problem.damped(), torch.zeros_like(problem.start)
    for group, column in ((g, c) for g in range(kept.shape[0]) for c in range(kept.shape[2])):
        rows = kept[group, :, column].nonzero().squeeze(1)
        gram = damped.gram[group][rows][:, rows]
        best[group, rows, column] = torch.linalg.solve(gram, damped.cross[group, rows, column])
    return best


seeds = st.integers(0, 2**16)


@settings(max_examples=25)
@given(seeds, st.integers(1, 3), st.integers(1, 3), st.integers(0, 36))
def test_it_is_in_the_set_and_its_values_are_the_least_squares(
    seed: int, groups: int, outputs: int, count: int
) -> None:
    problem = problem_of(seed, groups, outputs=outputs, noise=1.0)
    found = sparse_least_squares(problem, Cardinality(count).project, CONFIG)
    assert int(found.count_nonzero()) == min(count, found.numel())
    expected = best_of_support(problem, found != 0)
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-5 * float(problem.start.abs().max()))


@settings(max_examples=25)
@given(seeds)
def test_a_set_that_prunes_nothing_gives_the_dense_weights(seed: int) -> None:
    problem = problem_of(seed)
    found = sparse_least_squares(problem, Cardinality(12).project, CONFIG)
    assert torch.allclose(found, problem.start, rtol=1e-3, atol=1e-4)


def test_it_beats_magnitude_and_comes_close_to_the_best_support() -> None:
    behind_magnitude, excesses = 0, []
    for seed in range(20):
        problem = problem_of(seed, inputs=10, outputs=1)
        found = error_of(problem, sparse_least_squares(problem, Cardinality(4).project, CONFIG))
        magnitude = error_of(problem, best_of_support(problem, Cardinality(4).project(problem.start) != 0))
        best = min(error_of(problem, best_of_support(problem, kept)) for kept in supports(10, 4))
        behind_magnitude += found > magnitude + 1e-6
        excesses.append((found - best) / -best)
    assert behind_magnitude <= 2
    assert sum(excesses) / len(excesses) < 0.05


def supports(size: int, count: int) -> list[Tensor]:
    chosen = []
    for rows in combinations(range(size), count):
        kept = torch.zeros(1, size, 1, dtype=torch.bool)
        kept[0, list(rows), 0] = True
        chosen.append(kept)
    return chosen


def test_inputs_that_are_always_zero_keep_their_weights_where_the_set_has_room() -> None:
    problem = problem_of(0)
    gram, cross = problem.gram.clone(), problem.cross.clone()
    gram[:, 2] = gram[:, :, 2] = cross[:, 2] = 0
    silent = LeastSquares(gram, cross, problem.start)
    found = sparse_least_squares(silent, Cardinality(12).project, CONFIG)
    assert torch.allclose(found[0, 2], problem.start[0, 2])
    assert not sparse_least_squares(silent, Cardinality(10).project, CONFIG)[0, 2].any()


def test_it_stops_once_the_residuals_are_small() -> None:
    calls: list[int] = []

    def project(columns: Tensor) -> Tensor:
        calls.append(1)
        return Cardinality(11).project(columns)

    solve = partial(sparse_least_squares, problem_of(1), project)
    solve(AdmmConfig(tolerance=0, iterations=60))
    assert len(calls) == 61
    calls.clear()
    solve(AdmmConfig(tolerance=1e-3, iterations=60))
    assert len(calls) < 61


@pytest.mark.parametrize("count", [0, 3])
def test_nothing_to_answer_is_no_error(count: int) -> None:
    zeros = LeastSquares(torch.zeros(1, 3, 3).double(), torch.zeros(1, 3, 2).double(), torch.ones(1, 3, 2).double())
    found = sparse_least_squares(zeros, Cardinality(count).project, CONFIG)
    assert torch.equal(found.count_nonzero(), torch.tensor(count))
