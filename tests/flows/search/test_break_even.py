import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.base.progress import Update
from flows.search.break_even import BreakEvenCurve, break_even_curve, break_even_ratio
from flows.search.iso_area import LayerWork, Shape, _Packing, candidate_shapes
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


@pytest.fixture(scope="module")
def curve() -> BreakEvenCurve:
    return break_even_curve(WORK, REFERENCE, GENERIC, [Fixed(2), Fixed(4)], portions=(0.1, 0.5, 0.9), shapes=SHAPES)


def test_every_point_keeps_the_budget_and_dense_is_no_slower_than_the_reference(curve: BreakEvenCurve) -> None:
    assert all(point.area <= curve.budget for point in (curve.dense, *curve.points))
    packing = _Packing(WORK, WORK.mask(0.0), REFERENCE)
    reference = measure(packing.config(Shape(2, 4, 1)), GENERIC)
    assert reference.area == curve.budget
    assert curve.dense.time <= packing.plan(Shape(2, 4, 1)).cycles() * reference.clock_period


def test_speedups_are_ratios_of_times_and_grow_with_pruning(curve: BreakEvenCurve) -> None:
    for point in curve.points:
        assert point.speedup == curve.dense.time / point.time
    assert all(left.speedup <= right.speedup for left, right in pairwise(curve.points))
    assert curve.points[-1].speedup > 1


def test_a_point_names_an_array_that_can_be_built(curve: BreakEvenCurve) -> None:
    for point in (curve.dense, *curve.points):
        config = ArrayConfig.from_dict(point.config)
        assert (config.rows, config.lanes, str(config.index)) == (point.rows, point.lanes, point.index)
        assert measure(config, GENERIC).area == point.area


def test_a_curve_can_be_written_as_json(curve: BreakEvenCurve) -> None:
    told = json.loads(json.dumps(curve.to_dict()))
    assert {"pruned_portion", "speedup", "rows", "lanes", "area", "clock", "cycles"} <= told["points"][0].keys()
    assert told["break_even_ratio"] == curve.break_even_ratio


def test_progress_is_told_from_none_to_all() -> None:
    told: list[Update] = []
    shapes = candidate_shapes(max_rows=1, lanes=(4,))
    break_even_curve(WORK, REFERENCE, GENERIC, portions=(0.5,), shapes=shapes, progress=told.append)
    assert told[0] == Update("conv", 0, 2)
    assert told[-1] == Update("conv", 2, 2)


@pytest.mark.parametrize(
    ("speedups", "ratio"),
    [
        ([0.5, 0.75, 1.25], 1 / (1 - 0.6)),
        ([0.5, 1.0, 2.0], 1 / (1 - 0.5)),
        ([1.2, 1.5, 2.0], 1 / (1 - 0.3)),
        ([0.5, 0.6, 0.9], None),
        ([1.2, 0.8, 1.2], 1 / (1 - 0.6)),
        ([1.2, 1.3, 0.9], None),
    ],
)
def test_the_ratio_is_where_the_curve_last_rises_to_one(speedups: list[float], ratio: float | None) -> None:
    found = break_even_ratio([0.3, 0.5, 0.7], speedups)
    assert found is None if ratio is None else found == pytest.approx(ratio)


def test_no_points_never_break_even() -> None:
    assert break_even_ratio([], []) is None


@given(st.lists(st.floats(0.1, 10), min_size=9, max_size=9))
def test_above_the_ratio_no_measured_point_loses(speedups: list[float]) -> None:
    portions = [0.1 * tenth for tenth in range(1, 10)]
    ratio = break_even_ratio(portions, speedups)
    if ratio is not None:
        above = [s for p, s in zip(portions, speedups, strict=True) if 1 / (1 - p) > ratio + 1e-9]
        assert all(speedup >= 1 for speedup in above)
