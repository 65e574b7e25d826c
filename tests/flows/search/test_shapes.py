"""Which shapes are tried."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from flows.search.network_plans import NetworkPlans
from flows.search.shapes import Shape, candidate_shapes, pooling_shapes, shape_for, shape_of, without_idle_lanes
from rtl.formats.fixed import Fixed
from tests.flows.search.layers import LAYER, REFERENCE, pruned

GEOMETRY = LAYER.geometry


def test_requantizers_divide_the_lanes() -> None:
    shapes = candidate_shapes()
    assert len(set(shapes)) == len(shapes)
    assert all(shape.lanes % shape.requant_lanes == 0 and shape.pes == shape.rows * shape.lanes for shape in shapes)
    assert shape_of(REFERENCE.with_index(Fixed(4))) in shapes


def test_dense_rows_are_in_lock_step_and_others_never() -> None:
    assert shape_for(Shape(4, 8, 2, 2, 2), REFERENCE) == Shape(4, 8, 2, 0, 1)
    assert shape_for(shape_of(REFERENCE), REFERENCE.with_index(Fixed(4))) == Shape(2, 4, 1)
    assert shape_for(Shape(4, 8, 2, 2, 2), REFERENCE.with_index(Fixed(4))) == Shape(4, 8, 2, 2, 2)


def test_a_search_keeps_to_arrays_that_pool_what_the_reference_pools() -> None:
    pooled = replace(GEOMETRY, window=(2, 2))
    shapes = candidate_shapes(2, (4, 6, 8))
    kept = pooling_shapes([pooled, GEOMETRY], REFERENCE.replace(lanes=8, requant_lanes=2), shapes)
    assert {(shape.lanes, shape.requant_lanes) for shape in kept} == {(4, 1), (8, 1), (8, 2)}
    assert pooling_shapes([pooled], REFERENCE.replace(lanes=6, requant_lanes=1), shapes) == shapes
    assert pooling_shapes([GEOMETRY], REFERENCE, shapes) == shapes


@pytest.mark.parametrize("window", [(1, 1), (2, 2)])
def test_for_each_shape_with_idle_lanes_a_smaller_one_is_no_slower(window: tuple[int, int]) -> None:
    layer = replace(pruned(0.5), geometry=replace(GEOMETRY, window=window))
    plans = NetworkPlans([layer], REFERENCE.with_index(Fixed(4)))
    shapes = candidate_shapes(max_rows=2)
    kept = without_idle_lanes([layer.geometry], plans.most_lanes, shapes)
    assert set(kept) < set(shapes)
    for left_out in set(shapes) - set(kept):
        assert any(
            shape.rows == left_out.rows
            and shape.pes < left_out.pes
            and shape.requant_lanes <= left_out.requant_lanes
            and plans.cycles(shape) <= plans.cycles(left_out)
            for shape in kept
        )


def test_where_no_lanes_just_suffice_the_next_more_are_tried() -> None:
    shapes = [shape for shape in candidate_shapes(1) if shape.requant_lanes == shape.chain_depth == 1]
    kept = without_idle_lanes([GEOMETRY], 5, shapes)
    assert sorted(shape.lanes for shape in kept) == [1, 2, 3, 4, 6]


def test_more_lanes_stay_where_they_drain_sooner() -> None:
    kept = without_idle_lanes([GEOMETRY], 20, candidate_shapes(1, (24, 32, 48)))
    assert {(shape.lanes, shape.requant_lanes) for shape in kept} == {
        *product((24,), (1, 2, 4, 8)),
        (32, 16),
    }
