"""The whole array against the golden and the cycle model, in Amaranth's simulator."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compress.model.layer import CompressedLayer
from rtl.config import ArrayConfig
from rtl.formats.bitmap import Bitmap
from rtl.formats.decompress import Decompress
from rtl.formats.dense import Dense
from rtl.formats.fixed import Fixed
from rtl.formats.index_format import IndexFormat
from rtl.formats.nm import NM
from rtl.formats.registry import FORMATS
from rtl.formats.rice import Rice
from sim.golden.golden import run_layer
from sim.mapping.cycles import Chain, layer_cycles
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.pack import pack
from sim.mapping.plan import plan_layer
from tests.drawn import draw_activations, draw_levels, layers_and_arrays, make_layer, nm_levels
from tests.support import run_array


def check(layer: CompressedLayer, config: ArrayConfig, batch: int = 1, subarrays: int = 1) -> None:
    """Golden = RTL outputs, cycle model = RTL cycles, exactly."""
    packed = pack(layer, config, batch, subarrays)
    activations = draw_activations(layer, batch, seed=1)
    results, cycles = run_array(packed, activations)
    np.testing.assert_array_equal(results, run_layer(layer, activations, packed.pooled))
    assert cycles == layer_cycles(packed.plan, Chain.of(config))


@pytest.mark.parametrize("kind", FORMATS)
def test_the_array_equals_golden_and_cycle_model(kind: type[IndexFormat]) -> None:
    @settings(max_examples=5)
    @given(st.data())
    def run(data: st.DataObject) -> None:
        batch = data.draw(st.integers(1, 3))
        check(*data.draw(layers_and_arrays(kind, batch)), batch)

    run()


@settings(max_examples=6)
@given(st.sampled_from(FORMATS).flatmap(layers_and_arrays))
def test_results_do_not_change_when_the_receiver_stalls(case: tuple[CompressedLayer, ArrayConfig]) -> None:
    layer, config = case
    packed = pack(layer, config)
    activations = draw_activations(layer, 1, seed=2)
    results, cycles = run_array(packed, activations, stalled=0.6, seed=3)
    np.testing.assert_array_equal(results, run_layer(layer, activations, packed.pooled))
    assert cycles >= layer_cycles(packed.plan, Chain.of(config))


@st.composite
def divided(draw: st.DrawFn) -> tuple[CompressedLayer, ArrayConfig, int, int]:
    """A layer, an array with banks for it, the batch, and on how many subarrays it runs."""
    batch = draw(st.integers(1, 3))
    layer, config = draw(st.sampled_from([kind for kind in FORMATS if kind is not NM]).flatmap(layers_and_arrays))
    stacks = draw(st.sampled_from([2, 4]))
    subarrays = draw(st.sampled_from([n for n in (1, 2, 4) if n <= stacks]))
    rows = stacks * draw(st.integers(1, 2))
    geometry = ArrayGeometry.of(layer).on(config.lanes, config.requant_lanes)
    plan = plan_layer(
        layer.levels != 0, geometry, rows // subarrays, config.lanes, config.index, batch, subarrays=subarrays
    )
    chain_depth = max(1, config.chain_depth)
    array = config.replace(
        rows=rows,
        subarrays=stacks,
        chain_depth=chain_depth,
        levels="linear",
        weight_bits=8,
        **vars(plan.depths),
    )
    return layer, array, batch, subarrays


@settings(max_examples=15)
@given(divided())
def test_subarrays_equal_golden_and_cycle_model(case: tuple[CompressedLayer, ArrayConfig, int, int]) -> None:
    check(*case)


@settings(max_examples=5)
@given(divided())
def test_subarrays_change_no_result_when_the_receiver_stalls(
    case: tuple[CompressedLayer, ArrayConfig, int, int],
) -> None:
    layer, config, batch, subarrays = case
    packed = pack(layer, config, batch, subarrays)
    activations = draw_activations(layer, batch, seed=2)
    results, cycles = run_array(packed, activations, stalled=0.6, seed=3)
    np.testing.assert_array_equal(results, run_layer(layer, activations, packed.pooled))
    assert cycles >= layer_cycles(packed.plan, Chain.of(config))


CORNERS = {
    "all zero": (0.0, (3, 2, 3, 3)),
    "nothing pruned": (1.0, (3, 2, 3, 3)),
    "mostly empty filters": (0.05, (4, 9, 3, 3)),
    "a single weight": (1.0, (1, 1, 1, 1)),
    "one kernel row": (0.3, (2, 3, 1, 5)),
    "runs longer than any field": (0.01, (2, 30, 3, 3)),
    "rows without positions": (0.5, (2, 2, 1, 1)),
}


@pytest.mark.parametrize("index", [Fixed(2), Bitmap(3), Rice(2), NM(2, 4), Decompress()], ids=str)
@pytest.mark.parametrize("corner", CORNERS)
def test_corner_layers_are_exact(index: IndexFormat, corner: str) -> None:
    density, shape = CORNERS[corner]
    levels = draw_levels(shape, 4, density, seed=5)
    rows = 3
    if isinstance(index, NM):
        rows = 1 if density == 1 else 3  # pruned to the pattern, it would be dealt to three rows in another way
        levels = nm_levels(levels, index, rows)
    layer = make_layer(levels, 4, height=3, width=4, padding=(1, 1) if shape[2] > 1 else (0, 1))
    config = ArrayConfig(rows=rows, lanes=4, weight_bits=4, index=index, activation_depth=512, table_depth=512)
    check(layer, config)


@pytest.mark.parametrize("index", [Fixed(3), Bitmap(4), Rice(3), Decompress()], ids=str)
def test_empty_channels_and_first_and_last_columns_are_exact(index: IndexFormat) -> None:
    levels = draw_levels((4, 6, 3, 3), 4, 0.7, seed=8)
    levels[..., 0] = 0
    levels[..., -1] = 0
    levels[:, 2] = 0
    layer = make_layer(levels, 4, height=3, width=5, padding=(1, 1))
    check(layer, ArrayConfig(rows=2, lanes=5, weight_bits=4, index=index))


@pytest.mark.parametrize("index", [Fixed(3), Bitmap(4), Rice(3), NM(2, 4), Decompress()], ids=str)
def test_one_pixel_is_exact(index: IndexFormat) -> None:
    levels = draw_levels((5, 12, 1, 1), 3, 0.4, seed=3)
    levels = nm_levels(levels, index, rows=2) if isinstance(index, NM) else levels
    check(make_layer(levels, 3, height=1, width=1), ArrayConfig(rows=2, lanes=3, weight_bits=3, index=index))


def test_a_dense_and_a_sparse_array_agree_on_a_layer_without_zeros() -> None:
    layer = make_layer(draw_levels((3, 5, 3, 3), 5, 1.0, seed=1), 5, height=6, width=7, stride=(2, 1))
    activations = draw_activations(layer, 1, seed=2)
    outputs = [
        run_array(pack(layer, ArrayConfig(rows=2, lanes=3, weight_bits=5, index=index)), activations)[0]
        for index in (Dense(), Fixed(4), Rice(2), Decompress())
    ]
    for output in outputs[1:]:
        np.testing.assert_array_equal(output, outputs[0])


def test_the_comparison_sees_one_wrong_weight() -> None:
    layer = make_layer(draw_levels((2, 3, 3, 3), 4, 0.5, seed=3), 4, height=5, width=5)
    packed = pack(layer, ArrayConfig(rows=2, lanes=4, weight_bits=4))
    packed.weight_words[1][0] ^= 1
    activations = draw_activations(layer, 1, seed=4)
    assert not np.array_equal(run_array(packed, activations)[0], run_layer(layer, activations))
