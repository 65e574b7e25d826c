"""Rows in lock-step, in a whole array: golden and cycle model at the shapes that padding and slots make special."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compress.base.errors import CodesignError
from rtl.array.sum_register import SumRegister
from rtl.array.write_bus import Space
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense
from rtl.formats.dense_zeros import DenseZeros
from rtl.formats.index_format import IndexFormat
from sim.golden.golden import run_layer
from sim.mapping.cycles import Chain, layer_cycles, lockstep_cycles
from sim.mapping.pack import PackedLayer, pack
from sim.mapping.tiles import tile_layer
from sim.mapping.unrolled_taps import Unrolled
from tests.drawn import draw_activations, draw_levels, make_layer
from tests.support import run_array, simulate

SHAPES: dict[str, tuple[tuple[int, int, int, int], tuple[int, int], int]] = {
    "one filter": ((1, 5, 2, 2), (4, 5), 3),
    "one position, one tile": ((3, 1, 1, 1), (1, 2), 1),
    "one position a row": ((4, 3, 1, 1), (5, 5), 3),
    "channels that rows do not divide": ((3, 5, 2, 1), (4, 4), 4),
    "rows without work": ((2, 2, 1, 1), (3, 4), 5),
    "fewer filters and tiles than rows": ((2, 9, 1, 1), (2, 2), 5),
    "a drain that is slower than the rows": ((5, 4, 1, 1), (6, 6), 2),
}
"""Shape of the weights, size of the map, rows."""


def packed_case(name: str, index: IndexFormat, requant_lanes: int = 1) -> PackedLayer:
    shape, size, rows = SHAPES[name]
    density = 1.0 if isinstance(index, Dense) else 0.5
    layer = make_layer(draw_levels(shape, 4, density, seed=1), 4, *size, input_zero_point=3)
    array = ArrayConfig(rows=rows, lanes=4, requant_lanes=requant_lanes, weight_bits=4).with_index(index)
    return pack(layer, array)


@pytest.mark.parametrize("index", [Dense(), DenseZeros()], ids=str)
@pytest.mark.parametrize("name", SHAPES)
def test_hostile_shapes_are_exact(name: str, index: IndexFormat) -> None:
    packed = packed_case(name, index)
    activations = draw_activations(packed.layer, 1, seed=2)
    results, cycles = run_array(packed, activations)
    np.testing.assert_array_equal(results, run_layer(packed.layer, activations))
    assert cycles == layer_cycles(packed.plan, Chain.of(packed.config))


@pytest.mark.parametrize("name", ["one filter", "one position a row", "a drain that is slower than the rows"])
def test_all_rows_wait_together(name: str) -> None:
    packed = packed_case(name, Dense(), requant_lanes=2)
    activations = draw_activations(packed.layer, 1, seed=3)
    results, cycles = run_array(packed, activations, stalled=0.7, seed=4)
    np.testing.assert_array_equal(results, run_layer(packed.layer, activations))
    assert cycles > layer_cycles(packed.plan, Chain.of(packed.config))


def test_filters_one_row_out_of_step_are_seen() -> None:
    packed = packed_case("channels that rows do not divide", Dense())
    packed.weight_words[1][:] = np.roll(packed.weight_words[1], 2)
    activations = draw_activations(packed.layer, 1, seed=2)
    assert not np.array_equal(run_array(packed, activations)[0], run_layer(packed.layer, activations))


def test_table_and_registers_are_written_once() -> None:
    packed = packed_case("rows without work", Dense())
    rows = {space: {write.row for write in packed.static_writes() if write.space is space} for space in Space}
    assert rows[Space.ROW] == rows[Space.TABLE] == {0}
    assert rows[Space.WEIGHT] == set(range(5))


@pytest.mark.parametrize("index", [Dense(), DenseZeros()], ids=str)
@pytest.mark.parametrize(("channels", "how"), [(3, Unrolled.TAPS), (4, Unrolled.NOTHING), (1, Unrolled.LINES)])
def test_lines_or_taps_become_channels_where_rows_would_idle(index: IndexFormat, channels: int, how: Unrolled) -> None:
    density = 1.0 if isinstance(index, Dense) else 0.5
    kernel = (4, 1) if how is Unrolled.LINES else (5, 3)
    levels = draw_levels((2, channels, *kernel), 4, density, seed=1)
    options: dict[str, Any] = {"stride": (2, 1), "padding": (2, 0), "padding_end": (1, 3), "dilation": (1, 2)}
    layer = make_layer(levels, 4, 9, 8, input_zero_point=3, **options)
    tiling = tile_layer(layer, ArrayConfig(rows=4, lanes=4, weight_bits=4).with_index(index))
    assert {run.part.unrolled for run in tiling.runs} == {how}
    activations = draw_activations(layer, 1, seed=1)
    outcomes = [run_array(run.packed, tiling.inputs(run, activations)) for run in tiling.runs]
    np.testing.assert_array_equal(tiling.join([results for results, _ in outcomes]), tiling.answer(activations))
    assert sum(cycles for _, cycles in outcomes) == tiling.cycles


def test_a_slot_takes_the_rows_tokens_or_the_drain() -> None:
    rows, drain = Chain(4, 0), Chain(16, 0)
    assert lockstep_cycles(9, 4, 21, rows) - lockstep_cycles(9, 4, 20, rows) == 9
    assert lockstep_cycles(9, 4, 21, drain) - lockstep_cycles(9, 4, 20, drain) == 17
    assert lockstep_cycles(9, 5, 20, rows) - lockstep_cycles(9, 4, 20, rows) == 9


def test_subarrays_are_refused() -> None:
    with pytest.raises(CodesignError, match="cannot form 2 subarrays"):
        ArrayConfig(rows=4, lanes=4, index=Dense(), chain_depth=0, subarrays=2)


def test_sums_are_kept_until_they_are_taken() -> None:
    dut = SumRegister(ArrayConfig(rows=1, lanes=2))

    async def testbench(ctx: Any) -> None:
        ctx.set(dut.closed.payload, [3, -4])
        ctx.set(dut.closed.valid, 1)
        assert ctx.get(dut.closed.ready)
        await ctx.tick()
        ctx.set(dut.closed.payload, [5, 6])
        for _ in range(3):
            assert ctx.get(dut.sums.valid)
            assert not ctx.get(dut.closed.ready)
            assert list(ctx.get(dut.sums.payload)) == [3, -4]
            await ctx.tick()
        ctx.set(dut.sums.ready, 1)
        await ctx.tick()
        assert not ctx.get(dut.sums.valid)
        await ctx.tick()
        assert list(ctx.get(dut.sums.payload)) == [5, 6]

    simulate(dut, testbench)
