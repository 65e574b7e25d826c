"""Break-even curves."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from compress.base.errors import CodesignError
from compress.base.progress import Update
from flows.search.array_search import best_array
from flows.search.break_even import BreakEvenCurve, BreakEvenPoint, break_even_curve, layer_budget
from flows.search.layer_load import LayerLoad
from flows.search.network_plans import NetworkPlans
from flows.search.shapes import candidate_shapes, shape_of
from flows.synthesis.area import measure
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense
from rtl.formats.fixed import Fixed
from sim.mapping.geometry import ArrayGeometry
from tests.flows.search.layers import GENERIC, LAYER, MASKS, REFERENCE, SHAPES, RandomMasks, pruned

FORMATS = [Fixed(2), Fixed(4)]


def curve_of(*portions: float, **options: Any) -> BreakEvenCurve:
    return break_even_curve(LAYER, MASKS, REFERENCE, GENERIC, FORMATS, portions, SHAPES, **options)


@pytest.fixture(scope="module")
def curve() -> BreakEvenCurve:
    return curve_of(0.1, 0.5, 0.9)


def arrays(curve: BreakEvenCurve) -> list[tuple[BreakEvenPoint, ArrayConfig]]:
    return [(point, point.array.config) for point in (curve.dense, *curve.points) if point.array is not None]


def test_every_point_keeps_the_budget_and_dense_is_no_slower_than_the_reference(curve: BreakEvenCurve) -> None:
    plans, shape = NetworkPlans([LAYER], REFERENCE), shape_of(REFERENCE)
    reference = measure(plans.config(shape), GENERIC)
    assert reference.area == curve.budget == layer_budget(LAYER, REFERENCE, GENERIC)
    assert all(point.array.area <= curve.budget for point in (curve.dense, *curve.points) if point.array)
    assert curve.dense.array is not None
    assert curve.dense.array.time_per_sample <= plans.cycles(shape) * reference.clock_period


def test_speedups_are_ratios_of_times_and_grow_with_pruning(curve: BreakEvenCurve) -> None:
    assert curve.dense.array is not None
    speedups = []
    for point in curve.points:
        if point.array is not None:
            assert point.speedup == curve.dense.array.time_per_sample / point.array.time_per_sample
            speedups.append(point.speedup)
    assert all(left <= right for left, right in pairwise(speedups))
    assert speedups[-1] > 1


def test_a_point_names_an_array_that_can_be_built(curve: BreakEvenCurve) -> None:
    for point, config in arrays(curve):
        told = point.to_dict()
        assert ArrayConfig.from_dict(told["config"]) == config
        assert (told["rows"], told["lanes"], told["index"]) == (config.rows, config.lanes, str(config.index))
        assert told["area"] == measure(config, GENERIC).area


def test_a_curve_can_be_written_as_json(curve: BreakEvenCurve) -> None:
    told = json.loads(json.dumps(curve.to_dict()))
    assert told == curve.to_dict()
    assert {"pruned_portion", "speedup", "rows", "lanes", "area", "clock", "cycles"} <= told["points"][0].keys()
    assert told["break_even_ratio"] == curve.ratio.to_dict()


def test_the_curve_is_measured_where_it_crosses_one_to_a_percent_of_the_weights(curve: BreakEvenCurve) -> None:
    portions = [point.pruned_portion for point in curve.points]
    assert {0.1, 0.5, 0.9} < set(portions)
    assert portions == sorted(portions)
    assert curve.ratio.high is not None
    assert 1 / curve.ratio.low - 1 / curve.ratio.high == pytest.approx(0.01)
    for point in curve.points:
        assert point.pays == (1 / (1 - point.pruned_portion) >= curve.ratio.high)


def test_another_grid_gives_the_same_ratio(curve: BreakEvenCurve) -> None:
    assert curve_of(0.8).ratio == curve_of(0.3, 0.6).ratio == curve.ratio


def test_a_point_between_the_asked_ones_is_the_best_array_too(curve: BreakEvenCurve) -> None:
    between = next(point for point in curve.points if point.pruned_portion not in (0.1, 0.5, 0.9))
    templates = [REFERENCE.with_index(index) for index in FORMATS]
    space = (*SHAPES, shape_of(REFERENCE))
    assert between.array == best_array([pruned(between.pruned_portion)], templates, GENERIC, curve.budget, space)


@pytest.mark.parametrize("portion", [-0.1, 0.0, 1.0, 1.5, float("nan")])
def test_a_portion_outside_the_range_is_refused_before_any_search(portion: float) -> None:
    with pytest.raises(CodesignError, match="pruned portion"):
        curve_of(0.5, portion)


def test_a_portion_that_no_array_fits_is_a_point_that_does_not_pay() -> None:
    linear = LayerLoad.unpruned("linear", ArrayGeometry((64, 64, 1, 1), (64, 1, 1)))
    reference = ArrayConfig(rows=1, lanes=1, index=Dense(), weight_bits=4, act_bits=4, acc_bits=16, chain_depth=0)
    masks = RandomMasks(linear.geometry.weight_shape)
    shapes = candidate_shapes(max_rows=2, lanes=(1,))
    curve = break_even_curve(linear, masks, reference, GENERIC, [Fixed(6)], (0.05, 0.9), shapes)
    first = curve.points[0]
    assert (first.array, first.speedup, first.pays) == (None, None, False)
    assert first.to_dict()["rows"] is None
    assert curve.points[-1].array is not None
    assert curve.ratio.low > 1 / 0.95


@pytest.mark.parametrize("layer", ["conv2", "conv4", "conv5"])
def test_the_grouped_layers_of_alexnet_fit_the_area_of_one_group(layer: str) -> None:
    load = LayerLoad.unpruned(layer, ALEXNET[layer])
    budget = layer_budget(load, EDGE, GENERIC)
    dense = best_array([load], [EDGE], GENERIC, budget, [shape_of(EDGE)])
    sparse = load.pruned(RandomMasks(load.geometry.weight_shape)(0.93))
    found = best_array([sparse], [EDGE.with_index(Fixed(4))], GENERIC, budget, [shape_of(EDGE)])
    assert dense is not None
    assert found is not None
    assert dense.area == budget
    words = dense.config.rows * dense.config.weight_depth
    assert load.geometry.weights / 2 <= words < 0.6 * load.geometry.weights
    assert found.time_per_sample < dense.time_per_sample / 8


def test_a_grouped_layer_of_alexnet_has_a_curve() -> None:
    load = LayerLoad.unpruned("conv2", ALEXNET["conv2"])
    masks = RandomMasks(load.geometry.weight_shape)
    curve = break_even_curve(load, masks, EDGE, GENERIC, [Fixed(4)], (0.2, 0.3), [])
    assert curve.dense.array is not None
    assert curve.dense.array.area == curve.budget
    assert curve.ratio.kind == "bracketed"


EDGE = ArrayConfig(rows=4, lanes=16, index=Dense(), acc_bits=28, chain_depth=0)
ALEXNET = {
    "conv2": ArrayGeometry((256, 48, 5, 5), (96, 27, 27), padding=(2, 2), groups=2),
    "conv4": ArrayGeometry((384, 192, 3, 3), (384, 13, 13), padding=(1, 1), groups=2),
    "conv5": ArrayGeometry((256, 192, 3, 3), (384, 13, 13), padding=(1, 1), groups=2),
}


def test_progress_is_told_from_none_to_all() -> None:
    told: list[Update] = []
    shapes = candidate_shapes(max_rows=1, lanes=(4,))
    break_even_curve(LAYER, MASKS, REFERENCE, GENERIC, portions=(0.5,), shapes=shapes, progress=told.append)
    assert told[0] == Update("conv", 0, 2)
    assert told[-1] == Update("conv", 2, 2)
