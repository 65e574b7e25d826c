"""What is refused without an exact measurement would not have won."""

from __future__ import annotations

import pytest

from flows.search.evaluator import Evaluator
from flows.search.network_plans import NetworkPlans
from flows.search.shapes import Shape, shape_for
from flows.synthesis.area import measure
from rtl.formats.fixed import Fixed
from tests.flows.search.layers import GENERIC, LAYER, REFERENCE, SHAPES, pruned

SPARSE = REFERENCE.with_index(Fixed(4))


def test_shapes_ruled_out_by_area_at_first_sight_really_do_not_fit() -> None:
    plans = NetworkPlans([pruned(0.5)], SPARSE)
    budget = measure(NetworkPlans([LAYER], REFERENCE).config(shape_for(SHAPES[-1], REFERENCE)), GENERIC).area / 4
    evaluator = Evaluator(plans, GENERIC, budget)
    refused = [shape for shape in SHAPES if not evaluator.may_fit(shape)]
    assert refused
    assert all(measure(plans.config(shape), GENERIC).area > budget for shape in refused)


@pytest.mark.parametrize("shape", SHAPES[::3])
def test_an_array_is_told_with_its_exact_time_unless_that_is_the_limit_or_more(shape: Shape) -> None:
    plans = NetworkPlans([pruned(0.5)], SPARSE)
    evaluator = Evaluator(plans, GENERIC, float("inf"))
    found = evaluator.evaluate(shape, float("inf"))
    assert found is not None
    time, choice = found
    measured = measure(plans.config(shape), GENERIC)
    assert (choice.area, choice.clock_period, choice.critical) == (
        measured.area,
        measured.clock_period,
        measured.critical,
    )
    assert time == plans.cycles(shape) * measured.clock_period == choice.time_per_sample
    assert evaluator.least_time(shape) <= time
    assert evaluator.evaluate(shape, evaluator.least_time(shape)) is None


def test_an_array_larger_than_the_budget_is_none() -> None:
    plans = NetworkPlans([pruned(0.5)], SPARSE)
    area = measure(plans.config(SHAPES[4]), GENERIC).area
    assert Evaluator(plans, GENERIC, area).evaluate(SHAPES[4], float("inf")) is not None
    assert Evaluator(plans, GENERIC, 0.999 * area).evaluate(SHAPES[4], float("inf")) is None
