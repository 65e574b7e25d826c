from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from flows.search.iso_area import (
    LayerWork,
    _Evaluator,
    _Packing,
    best_array,
    candidate_shapes,
    layer_budget,
    pooling_shapes,
)
from flows.synthesis.area import measure
from flows.technology.technology import generic_technology
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense
from rtl.formats.fixed import Fixed
from sim.mapping.geometry import ArrayGeometry

GENERIC = generic_technology()
WORK = LayerWork("conv", ArrayGeometry((8, 4, 3, 3), (4, 4, 4), padding=(1, 1)))
REFERENCE = ArrayConfig(rows=2, lanes=4, index=Dense(), weight_bits=4, act_bits=4, acc_bits=16)
SHAPES = candidate_shapes(max_rows=3, lanes=(1, 2, 4))


@pytest.mark.parametrize("portion", [0.0, 0.5, 0.9])
def test_the_search_finds_what_brute_force_finds(portion: float) -> None:
    formats = [Dense()] if portion == 0 else [Fixed(2), Fixed(4)]
    templates = [REFERENCE.replace(index=index) for index in formats]
    mask, budget = WORK.mask(portion), layer_budget(WORK, REFERENCE, GENERIC)
    times = []
    for template, shape in product(templates, SHAPES):
        packing = _Packing(WORK, mask, template)
        measured = measure(packing.config(shape), GENERIC)
        if measured.area <= budget:
            cycles = packing.plan(shape).cycles(shape.requant_lanes)
            times.append(cycles * measured.clock_period)
    found = best_array(WORK, mask, templates, GENERIC, budget, SHAPES)
    assert found is not None
    assert found.time == min(times)


@pytest.mark.parametrize("portion", [0.0, 0.3, 0.8])
def test_bounds_never_exceed_the_exact_cycles(portion: float) -> None:
    template = REFERENCE if portion == 0 else REFERENCE.replace(index=Fixed(4))
    packing = _Packing(WORK, WORK.mask(portion), template)
    for shape in SHAPES:
        assert packing.least_cycles(shape) <= packing.plan(shape).cycles(shape.requant_lanes)


def test_shapes_ruled_out_by_area_at_first_sight_really_do_not_fit() -> None:
    packing = _Packing(WORK, WORK.mask(0.5), REFERENCE.replace(index=Fixed(4)))
    budget = layer_budget(WORK, REFERENCE, GENERIC) / 2
    evaluator = _Evaluator(packing, GENERIC, budget)
    refused = [shape for shape in SHAPES if not evaluator.may_fit(shape)]
    assert refused
    assert all(measure(packing.config(shape), GENERIC).area > budget for shape in refused)


def test_nothing_fits_a_budget_of_nothing() -> None:
    assert best_array(WORK, WORK.mask(0.5), [REFERENCE.replace(index=Fixed(4))], GENERIC, 1.0, SHAPES) is None


@given(st.floats(0, 0.99), st.floats(0, 0.99))
def test_masks_keep_the_asked_portion_and_are_nested(first: float, second: float) -> None:
    low, high = sorted((first, second))
    fewer, more = WORK.mask(high), WORK.mask(low)
    assert fewer.sum() == fewer.size - round(high * fewer.size)
    assert not (fewer & ~more).any()
    assert np.array_equal(fewer, WORK.mask(high))


@pytest.mark.parametrize("portion", [-0.1, 1.0, 1.5])
def test_a_portion_outside_the_range_is_refused(portion: float) -> None:
    with pytest.raises(CodesignError, match="pruned portion"):
        WORK.mask(portion)


def test_a_search_keeps_to_arrays_that_pool_what_the_reference_pools() -> None:
    pooled = replace(WORK.geometry, window=(2, 2))
    shapes = candidate_shapes(2, (4, 6, 8))
    kept = pooling_shapes([pooled, WORK.geometry], REFERENCE.replace(lanes=8, requant_lanes=2), shapes)
    assert {(shape.lanes, shape.requant_lanes) for shape in kept} == {(4, 1), (8, 1), (8, 2)}
    assert pooling_shapes([pooled], REFERENCE.replace(lanes=6, requant_lanes=1), shapes) == shapes
    assert pooling_shapes([WORK.geometry], REFERENCE, shapes) == shapes


@pytest.mark.parametrize("portion", [0.0, 0.7])
def test_the_bound_holds_for_pooled_layers(portion: float) -> None:
    work = replace(WORK, geometry=replace(WORK.geometry, input_shape=(4, 7, 5), window=(2, 2)))
    packing = _Packing(work, work.mask(portion), REFERENCE.replace(index=Fixed(4)))
    for shape in candidate_shapes(3, (1, 4, 8, 16)):
        assert packing.least_cycles(shape) <= packing.plan(shape).cycles(shape.requant_lanes)
