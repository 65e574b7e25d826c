"""Who pools, and that the array's pooling is the golden model's, cycle by cycle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compress.model.layer import CompressedLayer
from compress.model.pool import Pool, PoolKind
from compress.model.requantization import Requantization
from rtl.config import ArrayConfig
from sim.golden.golden import run_layer
from sim.mapping.cycles import Chain, layer_cycles
from sim.mapping.pack import pack
from sim.mapping.pooling import array_window, window_on
from sim.mapping.tiles import tile_layer
from tests.drawn import draw_activations, draw_levels, make_layer
from tests.support import run_array

MAX, AVERAGE = PoolKind.MAX, PoolKind.AVERAGE
ARRAY = ArrayConfig(rows=2, lanes=8, weight_bits=4, requant_lanes=2)


@pytest.mark.parametrize(
    ("kind", "kernel", "stride", "window"),
    [
        (MAX, (2, 2), (2, 2), (2, 2)),
        (MAX, (3, 3), (3, 3), (3, 3)),
        (AVERAGE, (1, 4), (1, 4), (1, 4)),
        (AVERAGE, (8, 8), (8, 8), (8, 8)),
        (AVERAGE, (3, 3), (3, 3), (1, 1)),  # nine is no power of two
        (MAX, (3, 3), (2, 2), (1, 1)),  # windows overlap
        (MAX, (2, 2), (3, 3), (1, 1)),  # pixels between windows
        (MAX, (13, 5), (13, 5), (1, 1)),  # too large
        (MAX, (1, 1), (1, 1), (1, 1)),
    ],
)
def test_the_array_pools_windows_that_do_not_overlap(
    kind: PoolKind, kernel: tuple[int, int], stride: tuple[int, int], window: tuple[int, int]
) -> None:
    assert array_window(Pool(kind, kernel, stride)) == window


def test_without_pooling_there_is_no_window() -> None:
    assert array_window(None) == (1, 1)


@pytest.mark.parametrize(
    ("window", "lanes", "requant_lanes", "pooled"),
    [
        ((2, 2), 4, 1, True),
        ((2, 2), 8, 2, True),
        ((2, 2), 8, 4, False),
        ((2, 2), 6, 1, False),
        ((3, 3), 9, 1, True),
        ((2, 2), 2, 1, False),
    ],
)
def test_a_block_of_lanes_must_hold_whole_windows(
    window: tuple[int, int], lanes: int, requant_lanes: int, pooled: bool
) -> None:
    assert (window_on(window, lanes, requant_lanes) == window) == pooled


def layer(
    pool: Pool | None,
    levels: tuple[int, int, int, int] = (3, 2, 3, 3),
    density: float = 0.5,
    size: tuple[int, int] = (7, 9),
    **members: Any,
) -> CompressedLayer:
    members = {"padding": (1, 1) if levels[2] == 3 else (0, 0), **members}
    return make_layer(draw_levels(levels, 4, density, 1), 4, *size, pool=pool, **members)


SIGNED: dict[str, Any] = {"relu": False, "requantization": Requantization.from_scale(0.5)}
CASES = {
    "rows and columns left over": (layer(Pool(MAX, (2, 2), (2, 2))), ARRAY, 1),
    "signed average": (layer(Pool(AVERAGE, (2, 2), (2, 2)), (2, 2, 2, 2), **SIGNED), ARRAY, 2),
    "nine pixels": (layer(Pool(MAX, (3, 3), (3, 3)), (2, 1, 3, 3)), ARRAY.replace(lanes=9, requant_lanes=1), 1),
    "strided": (layer(Pool(AVERAGE, (1, 2), (1, 2)), size=(9, 9), stride=(2, 1)), ARRAY.replace(requant_lanes=4), 2),
    "one result": (layer(Pool(MAX, (2, 1), (2, 1)), (2, 2, 1, 1), size=(2, 1), **SIGNED), ARRAY, 1),
    "all weights pruned": (layer(Pool(MAX, (2, 2), (2, 2)), density=0.0), ARRAY.replace(requant_lanes=1), 1),
}


@pytest.mark.parametrize("stalled", [0.0, 0.6])
@pytest.mark.parametrize("case", CASES)
def test_results_and_cycles_are_the_models(case: str, stalled: float) -> None:
    made, config, batch = CASES[case]
    packed = pack(made, config, batch)
    assert packed.pooled
    activations = draw_activations(made, batch, 3)
    results, cycles = run_array(packed, activations, stalled, 5)
    np.testing.assert_array_equal(results, run_layer(made, activations, pooled=True))
    assert results.shape[1:] == made.output_shape
    model = layer_cycles(packed.plan, Chain.of(config))
    assert cycles >= model if stalled else cycles == model


def test_a_wrong_pooling_mode_is_seen() -> None:
    made, config, batch = CASES["rows and columns left over"]
    average = pack(layer(Pool(AVERAGE, (2, 2), (2, 2))), config, batch)
    activations = draw_activations(made, batch, 3)
    assert not np.array_equal(run_array(average, activations)[0], run_layer(made, activations, pooled=True))


def test_windows_stay_together_where_a_layer_is_divided_and_the_array_sends_a_fourth() -> None:
    made = layer(Pool(MAX, (2, 2), (2, 2)), size=(13, 8))
    small = ARRAY.replace(lanes=4, requant_lanes=1, activation_depth=34)
    tiling = tile_layer(made, small, 2)
    assert tiling.pooled
    assert len(tiling.runs) > 1
    assert all(len(run.part.lines) % 2 == 0 for run in tiling.runs)
    activations = draw_activations(made, 2, 4)
    answers = [run_array(run.packed, tiling.inputs(run, activations)) for run in tiling.runs]
    np.testing.assert_array_equal(tiling.join([results for results, _ in answers]), tiling.answer(activations))
    assert tiling.cycles == sum(cycles for _, cycles in answers)
    for run in tiling.runs:
        assert 4 * run.packed.result_beats == run.packed.plan.layout.pixel_groups * len(made.levels) * small.lanes


def test_the_host_pools_where_stored_lines_would_cost_runs() -> None:
    made = layer(Pool(MAX, (2, 2), (2, 2)), size=(8, 8))
    unpooled = tile_layer(layer(None, size=(8, 8)), ARRAY).schedule.depths.activation_depth
    tiling = tile_layer(made, ARRAY.replace(activation_depth=unpooled))
    assert not tiling.pooled
    assert len(tiling.runs) == 1
    assert tiling.answer(draw_activations(made, 1, 1)).shape[1:] == made.conv_shape
