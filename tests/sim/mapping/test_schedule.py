"""Rows balanced where that is faster; runs put together are in tests/sim/mapping/test_tiles.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import sim.mapping.slices
from compress.base.errors import CodesignError
from compress.model.layer import CompressedLayer
from compress.sets.balance import GroupCardinality
from rtl.config import ArrayConfig
from rtl.formats.decompress import Decompress
from rtl.formats.fixed import Fixed
from rtl.formats.registry import FORMATS
from sim.golden.golden import run_layer
from sim.mapping.cycles import Chain
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.schedule import group_schedule, make_schedule
from sim.mapping.tiles import tile_layer
from tests.drawn import draw_activations, draw_levels, make_layer, tiled_cases
from tests.support import run_array

ARRAY = ArrayConfig(rows=4, lanes=4, index=Fixed(4), requant_lanes=4)
GEOMETRY = ArrayGeometry((48, 24, 3, 3), (24, 4, 4), padding=(1, 1))
MASK: NDArray[np.bool_] = np.random.default_rng(1).random(GEOMETRY.weight_shape) < 0.2


@settings(max_examples=20)
@given(st.sampled_from(FORMATS).flatmap(tiled_cases))
def test_even_rows_are_taken_only_where_they_are_faster(case: tuple[CompressedLayer, ArrayConfig, int]) -> None:
    layer, config, batch = case
    try:
        quick = group_schedule(layer.levels != 0, ArrayGeometry.of(layer), config, batch)
    except CodesignError:
        assume(False)
    even = group_schedule(layer.levels != 0, ArrayGeometry.of(layer), config, batch, even=True)
    assert even.cycles(Chain.of(config)) <= quick.cycles(Chain.of(config))


@settings(max_examples=20)
@given(st.sampled_from(FORMATS).flatmap(tiled_cases))
def test_banks_sized_for_even_rows_hold_the_layer(case: tuple[CompressedLayer, ArrayConfig, int]) -> None:
    layer, config, batch = case
    mask, geometry = layer.levels != 0, ArrayGeometry.of(layer)
    try:
        even = group_schedule(mask, geometry, config, batch, even=True)
    except CodesignError:
        assume(False)
    holding = config.replace(**vars(even.depths))
    schedule = make_schedule("layer", mask, geometry, holding, batch)
    assert schedule.cycles(Chain.of(config)) <= even.cycles(Chain.of(config))


@pytest.mark.parametrize(("rows", "lanes", "shape"), [(2, 3, (2, 3, 1, 6)), (4, 1, (2, 2, 1, 4)), (2, 1, (3, 3, 1, 6))])
def test_banks_sized_for_subarrays_hold_a_layer_that_they_hold_in_no_other_form(
    rows: int, lanes: int, shape: tuple[int, int, int, int]
) -> None:
    filters, channels, height, width = shape
    geometry = ArrayGeometry((filters, channels, 1, 1), (channels, height, width))
    mask = np.zeros(geometry.weight_shape, np.bool_)
    config = ArrayConfig(rows, lanes, subarrays=2, index=Decompress(), activation_depth=1024)
    whole = group_schedule(mask, geometry, config, even=True)
    holding = config.replace(**{bank: max(2, words) for bank, words in vars(whole.depths).items()})
    with pytest.raises(CodesignError, match="activation_depth"):
        make_schedule("layer", mask, geometry, holding.replace(subarrays=1))
    assert make_schedule("layer", mask, geometry, holding).cycles(Chain.of(config)) <= whole.cycles(Chain.of(config))


def test_random_masks_wait_less() -> None:
    chain = Chain.of(ARRAY)
    quick, even = (group_schedule(MASK, GEOMETRY, ARRAY, even=even) for even in (False, True))
    waited, waits = (schedule.cycles(chain) - schedule.fewest_cycles(chain) for schedule in (quick, even))
    assert waits < waited / 2


def test_an_assignment_that_does_worse_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = group_schedule(MASK, GEOMETRY, ARRAY)
    monkeypatch.setattr(sim.mapping.slices, "assign_evenly", one_after_the_other)
    tried = group_schedule(MASK, GEOMETRY, ARRAY, even=True)
    assert tried.runs[0].plan.slices == quick.runs[0].plan.slices


def one_after_the_other(nonzeros_kn: NDArray[np.int64], rows: int) -> list[tuple[int, ...]]:
    """The lightest parts together."""
    share = -(-nonzeros_kn.shape[1] // rows)
    order = np.argsort(nonzeros_kn.sum(axis=0), kind="stable").tolist()
    return [tuple(sorted(order[row * share : (row + 1) * share])) for row in range(rows)]


def test_masks_pruned_to_equal_parts_keep_their_neighbours() -> None:
    weights = torch.randn(GEOMETRY.weight_shape, generator=torch.Generator().manual_seed(1))
    mask = GroupCardinality(20, 4).project(weights).numpy() != 0
    slices = group_schedule(mask, GEOMETRY, ARRAY, even=True).runs[0].plan.slices
    assert [row.channels for row in slices] == [tuple(range(first, first + 6)) for first in (0, 6, 12, 18)]


def test_the_array_takes_the_cycles_of_even_rows() -> None:
    layer = make_layer(draw_levels((24, 12, 3, 3), 8, 0.15, 1), 8, 6, 5)
    mask, geometry = layer.levels != 0, ArrayGeometry.of(layer)
    even = group_schedule(mask, geometry, ARRAY, even=True)
    tiling = tile_layer(layer, ARRAY.replace(**vars(even.depths)))
    assert tiling.schedule.runs[0].plan.slices == even.runs[0].plan.slices
    assert tiling.cycles < group_schedule(mask, geometry, ARRAY).cycles(Chain.of(ARRAY))
    activations = draw_activations(layer, 1, 3)
    results, cycles = run_array(tiling.runs[0].packed, tiling.inputs(tiling.runs[0], activations))
    assert cycles == tiling.cycles
    np.testing.assert_array_equal(tiling.join([results]), run_layer(layer, activations))
