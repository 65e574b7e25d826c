"""The search finds what trying every array finds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.search.array_search import best_array, holding_array, scheduled
from flows.search.layer_load import LayerLoad
from flows.search.network_plans import NetworkPlans
from flows.search.shapes import Shape, candidate_shapes, shape_for, shape_of
from flows.synthesis.area import measure
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense
from rtl.formats.fixed import Fixed
from sim.mapping.cycles import Chain
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.schedule import make_schedule
from tests.flows.search.layers import GENERIC, LAYER, REFERENCE, SHAPES, pruned

SPARSE = [REFERENCE.with_index(Fixed(bits)) for bits in (2, 4)]


FEW = candidate_shapes(max_rows=2, lanes=(1, 2))


def least_time(
    loads: Sequence[LayerLoad], templates: Sequence[ArrayConfig], budget: float, shapes: Sequence[Shape]
) -> float:
    """Time of a sample on the fastest array, each one measured."""
    times = [float("inf")]
    for template, tried in product(templates, shapes):
        shape = shape_for(tried, template)
        plans = NetworkPlans(loads, template)
        measured = measure(plans.config(shape), GENERIC)
        if measured.area <= budget:
            times.append(plans.cycles(shape) / plans.samples * measured.clock_period)
    return min(times)


@st.composite
def grouped_layers(draw: st.DrawFn, name: str = "grouped") -> LayerLoad:
    groups = draw(st.integers(1, 3))
    geometry = ArrayGeometry((2 * groups, 2, 2, 2), (2 * groups, 4, 4), groups=groups)
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    mask = rng.random(geometry.weight_shape) < draw(st.sampled_from([0.2, 0.6, 1.0]))
    return LayerLoad(name, geometry, mask, draw(st.sampled_from([1, 2])))


@pytest.mark.parametrize("portion", [0.0, 0.5, 0.9])
def test_one_layer(portion: float) -> None:
    templates = [REFERENCE] if portion == 0 else SPARSE
    budget = holding_array([LAYER], REFERENCE, GENERIC).area
    found = best_array([pruned(portion)], templates, GENERIC, budget, SHAPES)
    assert found is not None
    assert found.time_per_sample == least_time([pruned(portion)], templates, budget, SHAPES)


@settings(max_examples=8)
@given(grouped_layers(), st.sampled_from([0.7, 1.0, 1.5]))
def test_a_layer_of_groups(layer: LayerLoad, share: float) -> None:
    budget = share * holding_array([layer.dense()], REFERENCE, GENERIC).area
    found = best_array([layer], SPARSE[1:], GENERIC, budget, FEW)
    quick = least_time([layer], SPARSE[1:], budget, FEW)
    if found is None:
        assert quick == float("inf")
    else:
        assert found.area <= budget
        assert found.time_per_sample <= quick
        # faster than every array with quick rows only where its own rows are even
        even = NetworkPlans([layer], found.config, even=True)
        own = even.cycles(shape_of(found.config)) / even.samples * found.clock_period
        assert found.time_per_sample in (quick, own)


@settings(max_examples=5)
@given(grouped_layers("first"), grouped_layers("second"))
def test_a_network_of_two_layers(first: LayerLoad, second: LayerLoad) -> None:
    loads = [first, second]
    budget = holding_array([load.dense() for load in loads], REFERENCE, GENERIC).area
    found = best_array(loads, SPARSE[1:], GENERIC, budget, FEW)
    quick = least_time(loads, SPARSE[1:], budget, FEW)
    assert (quick == float("inf")) if found is None else (found.time_per_sample <= quick and found.area <= budget)


def test_nothing_fits_a_budget_of_nothing() -> None:
    assert best_array([pruned(0.5)], SPARSE, GENERIC, 1.0, SHAPES) is None


@settings(max_examples=20)
@given(grouped_layers())
def test_the_dense_array_that_holds_a_layer_is_found_within_its_own_area(layer: LayerLoad) -> None:
    holding = holding_array([layer.dense()], REFERENCE, GENERIC)
    space = (*candidate_shapes(2, (1, 2)), shape_of(REFERENCE))
    found = best_array([layer.dense()], [REFERENCE], GENERIC, holding.area, space)
    assert found is not None
    assert found.time_per_sample <= holding.time_per_sample


def test_a_chosen_array_takes_the_cycles_of_each_layers_schedule() -> None:
    loads = [pruned(0.5), LayerLoad.unpruned("linear", ArrayGeometry((6, 8, 1, 1), (8, 1, 1)), batch=4)]
    holding = holding_array(loads, SPARSE[1], GENERIC)
    choice = scheduled(holding, loads)
    for load in loads:
        schedule = make_schedule(load.name, load.mask, load.geometry, choice.config, load.batch)
        assert choice.cycles[load.name] == schedule.cycles(Chain.of(choice.config))
    assert choice.cycles_per_sample == choice.cycles["conv"] + choice.cycles["linear"] / 4
    assert choice.cycles_per_sample <= holding.cycles_per_sample
    assert choice.to_dict()["time_per_sample"] == choice.cycles_per_sample * choice.clock_period


def test_dense_templates_find_dense_arrays() -> None:
    found = best_array([LAYER], [REFERENCE], GENERIC, holding_array([LAYER], REFERENCE, GENERIC).area, SHAPES)
    assert found is not None
    assert found.config.index == Dense()
    assert found.config.lockstep
