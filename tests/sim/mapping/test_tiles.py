"""Runs of a layer that is larger than the array: put together they are the layer, exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from compress.model.layer import CompressedLayer
from compress.model.pool import Pool, PoolKind
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense
from rtl.formats.fixed import Fixed
from rtl.formats.index_format import IndexFormat
from rtl.formats.registry import FORMATS
from rtl.formats.rice import Rice
from sim.golden.golden import run_layer
from sim.mapping.tiles import Tiling, tile_layer
from tests.drawn import draw_activations, draw_levels, make_layer, tiled_cases
from tests.support import run_array

ARRAY = ArrayConfig(rows=2, lanes=3, weight_bits=4)
TINY = ARRAY.replace(weight_depth=12, activation_depth=30, table_depth=32, bias_depth=3)
LAYER = make_layer(
    draw_levels((8, 4, 3, 3), 4, 0.4, 1),
    4,
    9,
    7,
    padding=(2, 1),
    stride=(2, 1),
    pool=Pool(PoolKind.MAX, (2, 2), (2, 2)),
)


def golden_runs(tiling: Tiling, activations: np.ndarray) -> np.ndarray:
    """Every run by the golden model alone, put together."""
    return tiling.join([run.packed.answer(tiling.inputs(run, activations)) for run in tiling.runs])


@settings(max_examples=25)
@given(st.sampled_from(FORMATS).flatmap(tiled_cases), st.integers(0, 99))
def test_the_parts_put_together_are_the_layer_and_each_fits(
    case: tuple[CompressedLayer, ArrayConfig, int], seed: int
) -> None:
    layer, config, batch = case
    try:
        tiling = tile_layer(layer, config, batch)
    except CodesignError:
        assume(False)
    activations = draw_activations(layer, 2 * batch, seed)
    np.testing.assert_array_equal(golden_runs(tiling, activations), tiling.answer(activations))
    for run in tiling.runs:
        run.packed.plan.depths.check("part", config)


def test_the_array_itself_runs_the_parts() -> None:
    tiling = tile_layer(LAYER, TINY, 2)
    assert len({run.part.filters for run in tiling.runs}) > 1
    assert len({run.part.lines for run in tiling.runs}) > 1
    activations = draw_activations(LAYER, 2, 3)
    answers = [run_array(run.packed, tiling.inputs(run, activations)) for run in tiling.runs]
    np.testing.assert_array_equal(tiling.join([results for results, _ in answers]), run_layer(LAYER, activations))
    assert tiling.cycles == sum(cycles for _, cycles in answers)


def test_a_layer_that_fits_is_one_run_of_all_its_filters() -> None:
    tiling = tile_layer(LAYER, ARRAY, 2)
    (run,) = tiling.runs
    np.testing.assert_array_equal(run.packed.layer.levels, LAYER.levels[tiling.order])
    np.testing.assert_array_equal(run.packed.layer.bias, LAYER.bias[tiling.order])
    assert run.packed.layer.name == LAYER.name


def test_runs_of_the_same_filters_share_their_weight_words() -> None:
    words: dict[range, tuple[NDArray[np.uint64], ...]] = {}
    for run in tile_layer(LAYER, TINY).runs:
        assert words.setdefault(run.part.filters, run.packed.weight_words) is run.packed.weight_words


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"weight_depth": 2},
            "single filter and output line of layer 'layer' does not fit the array: weight_depth 2 <",
        ),
        ({"activation_depth": 4}, "activation_depth 4 <"),
        ({"table_depth": 17}, "table_depth 17 < 18"),
    ],
)
def test_what_no_division_makes_fit_is_told_by_bank(changes: dict[str, int], told: str) -> None:
    with pytest.raises(CodesignError, match=told):
        tile_layer(LAYER, TINY.replace(**changes))


def test_inputs_that_are_not_whole_batches_are_refused() -> None:
    tiling = tile_layer(LAYER, TINY, 2)
    with pytest.raises(CodesignError, match="at a time"):
        tiling.inputs(tiling.runs[0], draw_activations(LAYER, 3, 0))


def test_numbers_the_array_has_no_bits_for_are_refused_with_the_layers_name() -> None:
    with pytest.raises(CodesignError, match="layer 'layer' has 4-bit levels"):
        tile_layer(LAYER, TINY.replace(weight_bits=3))


@pytest.mark.parametrize("index", [Fixed(4), Rice(4)], ids=str)
def test_depthwise_channels_run_several_at_a_time_where_that_is_faster(index: IndexFormat) -> None:
    levels = draw_levels((12, 1, 3, 3), 4, 1.0, 2)
    layer = make_layer(levels, 4, 5, 5, input_shape=(12, 5, 5), groups=12, padding=(1, 1))
    config = ArrayConfig(rows=4, lanes=8, weight_bits=4, index=index, requant_lanes=8)
    tiling = tile_layer(layer, config)
    one_by_one = sum(
        tile_layer(
            replace(layer, levels=levels[k : k + 1], bias=layer.bias[k : k + 1], input_shape=(1, 5, 5), groups=1),
            config,
        ).cycles
        for k in range(12)
    )
    assert len(tiling.runs) < 12
    assert tiling.cycles < one_by_one
    activations = draw_activations(layer, 1, 4)
    np.testing.assert_array_equal(golden_runs(tiling, activations), run_layer(layer, activations))


def test_space_to_depth_is_taken_where_channels_do_not_fill_the_rows() -> None:
    layer = make_layer(draw_levels((6, 3, 5, 5), 4, 0.5, 5), 4, 15, 14, stride=(2, 2), padding=(1, 2))
    config = ArrayConfig(rows=4, lanes=4, weight_bits=4, activation_depth=64)
    tiling = tile_layer(layer, config)
    assert [run.part.folded for run in tiling.runs] == [True]
    activations = draw_activations(layer, 1, 6)
    results, cycles = run_array(tiling.runs[0].packed, tiling.inputs(tiling.runs[0], activations))
    np.testing.assert_array_equal(tiling.join([results]), run_layer(layer, activations))
    assert cycles == tiling.cycles


@pytest.mark.parametrize("index", [Dense(), Fixed(4), Rice(7)], ids=str)
def test_a_kernel_of_eleven_by_eleven_is_exact(index: IndexFormat) -> None:
    density = 1.0 if isinstance(index, Dense) else 0.1
    layer = make_layer(draw_levels((3, 3, 11, 11), 4, density, 5), 4, 23, 27, stride=(4, 4), padding=(2, 2))
    config = ArrayConfig(2, 8, weight_bits=4, index=index, weight_depth=1024, table_depth=1024, activation_depth=1024)
    tiling = tile_layer(layer, config)
    activations = draw_activations(layer, 1, 6)
    answers = [run_array(run.packed, tiling.inputs(run, activations)) for run in tiling.runs]
    np.testing.assert_array_equal(tiling.join([results for results, _ in answers]), run_layer(layer, activations))
    assert sum(cycles for _, cycles in answers) == tiling.cycles
