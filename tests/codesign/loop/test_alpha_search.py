from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.loop.alpha_search import AlphaChoice, LayerFacts, choose_alphas, initial_alphas
from flows.search.break_even_ratio import BreakEvenRatio

MINIMUM = 0.05
GAINS, NEVER_GAINS = BreakEvenRatio(1.49, 1.5), BreakEvenRatio(100.0, None)
Problem = tuple[list[LayerFacts], dict[str, float], dict[str, float], float]


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Layers, initial alphas, how much accuracy each layer's pruning costs, and the accuracy to keep."""
    names = [f"layer{number}" for number in range(draw(st.integers(1, 5)))]
    ratios = st.builds(BreakEvenRatio, st.just(1.0) | st.floats(1, 20), st.none() | st.floats(1, 20))
    layers = [LayerFacts(name, draw(st.integers(1, 10**6)), draw(ratios)) for name in names]
    initial = {name: draw(st.floats(MINIMUM, 1)) for name in names}
    cost = {name: draw(st.floats(0, 1)) for name in names}
    return layers, initial, cost, draw(st.floats(0, 1))


def solve(problem: Problem) -> AlphaChoice:
    layers, initial, cost, floor = problem

    def accuracy_of(alphas: Mapping[str, float]) -> float:
        return 1 - sum(cost[name] * (1 - alpha) for name, alpha in alphas.items())

    return choose_alphas(layers, initial, accuracy_of, floor, MINIMUM)


@given(problems())
def test_every_layer_is_dense_or_passes_its_break_even(problem: Problem) -> None:
    choice = solve(problem)
    for layer in problem[0]:
        alpha = choice.alphas[layer.name]
        assert (alpha == 1) == (layer.name in choice.restored)
        assert alpha == 1 or layer.break_even_ratio.passed_by(alpha)


@given(problems())
def test_a_layer_without_break_even_is_always_restored(problem: Problem) -> None:
    choice = solve(problem)
    for layer in problem[0]:
        assert layer.break_even_ratio.kind != "never" or layer.name in choice.restored


@given(problems())
def test_alphas_stay_within_their_limits(problem: Problem) -> None:
    for name, alpha in solve(problem).alphas.items():
        assert min(MINIMUM, problem[1][name]) <= alpha <= 1


@given(problems())
def test_accepted_alphas_never_increase_except_by_restoring(problem: Problem) -> None:
    choice = solve(problem)
    before: dict[str, float] = dict.fromkeys(choice.alphas, 1.0)
    for trial in (trial for trial in choice.trials if trial.accepted):
        for name, alpha in trial.alphas.items():
            assert alpha <= before[name] + 1e-12
            before[name] = alpha
    for name, alpha in choice.alphas.items():
        assert alpha == 1 or alpha <= before[name] + 1e-12


@given(problems())
def test_the_choice_keeps_accuracy_where_dense_does(problem: Problem) -> None:
    _, _, cost, floor = problem
    alphas = solve(problem).alphas
    assert 1 - sum(cost[name] * (1 - alpha) for name, alpha in alphas.items()) >= floor - 1e-9


def test_work_decides_how_far_a_layer_is_reduced() -> None:
    layers = [LayerFacts("large", 1000, GAINS), LayerFacts("small", 100, GAINS)]

    def accuracy_of(alphas: Mapping[str, float]) -> float:
        return float(alphas.get("large", 1) >= 0.3 and alphas.get("small", 1) >= 0.45)

    choice = choose_alphas(layers, {"large": 0.5, "small": 0.5}, accuracy_of, 1.0, MINIMUM)
    reduced = [trial for trial in choice.trials if trial.step == "reduce" and trial.accepted][-1]
    assert 0.5 - reduced.alphas["large"] == pytest.approx(10 * (0.5 - reduced.alphas["small"]))


def test_restoring_a_layer_gives_its_accuracy_to_the_others() -> None:
    layers = [LayerFacts("worth", 100, GAINS), LayerFacts("waste", 100, NEVER_GAINS)]

    def accuracy_of(alphas: Mapping[str, float]) -> float:
        return sum(alphas.get(name, 1.0) for name in ("worth", "waste"))

    choice = choose_alphas(layers, {"worth": 0.6, "waste": 0.6}, accuracy_of, 1.2, MINIMUM)
    assert choice.restored == ("waste",)
    assert choice.alphas["worth"] == pytest.approx(0.2, abs=0.03)


def test_sensitivity_stops_at_the_first_alpha_that_costs_too_much() -> None:
    asked: list[float] = []

    def accuracy_of(alphas: Mapping[str, float]) -> float:
        asked.append(alphas["layer"])
        return 0.9 if alphas["layer"] < 0.5 else 1.0

    assert initial_alphas(["layer"], accuracy_of, 0.95, MINIMUM) == {"layer": 0.5}
    assert asked == [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]


def test_a_bound_that_was_never_crossed_restores_no_layer() -> None:
    layers = [LayerFacts("conv", 100, BreakEvenRatio(1.0, 1.01))]
    choice = choose_alphas(layers, {"conv": 0.995}, lambda alphas: 1.0, 0.5, 0.995)
    assert choice.restored == ()
    assert choice.alphas == {"conv": 0.995}
