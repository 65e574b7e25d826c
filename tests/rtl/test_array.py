"""The whole array against the golden and the cycle model, in Amaranth's simulator."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtl.config import ArrayConfig, Dense, Fixed
from sim.cycles import layer_cycles
from sim.golden import run_layer
from sim.pack import pack
from tests.support import arrays_for, draw_activations, draw_levels, layers, make_layer, run_array


class TestArrayEqualsModels:
    """Golden = RTL outputs, cycle model = RTL cycles, exactly."""

    @settings(max_examples=25)
    @given(st.data())
    def test_sparse_array_equals_golden_and_cycle_model(self, data):
        self.check(data, dense=False)

    @settings(max_examples=12)
    @given(st.data())
    def test_dense_array_equals_golden_and_cycle_model(self, data):
        self.check(data, dense=True)

    def check(self, data, dense):
        layer = data.draw(layers(dense))
        batch = data.draw(st.integers(1, 3))
        config = data.draw(arrays_for(layer, batch, dense))
        packed = pack(layer, config, batch)
        activations = draw_activations(layer, batch, seed=1)
        results, cycles = run_array(packed, activations)
        np.testing.assert_array_equal(results, run_layer(layer, activations))
        assert cycles == layer_cycles(packed.plan, config.requant_lanes)

    @settings(max_examples=8)
    @given(st.data())
    def test_results_do_not_change_when_the_receiver_stalls(self, data):
        layer = data.draw(layers())
        config = data.draw(arrays_for(layer, 1))
        packed = pack(layer, config)
        activations = draw_activations(layer, 1, seed=2)
        results, cycles = run_array(packed, activations, stalled=0.6, seed=3)
        np.testing.assert_array_equal(results, run_layer(layer, activations))
        assert cycles >= layer_cycles(packed.plan, config.requant_lanes)


@pytest.mark.parametrize("index", [Fixed(2), Fixed(4)], ids=str)
@pytest.mark.parametrize(
    ("density", "shape"),
    [(0.0, (3, 2, 3, 3)), (1.0, (3, 2, 3, 3)), (0.05, (4, 9, 3, 3)), (1.0, (1, 1, 1, 1)), (0.3, (2, 3, 1, 5))],
    ids=["all zero", "nothing pruned", "mostly empty filters", "a single weight", "one kernel row"],
)
def test_corner_layers_are_exact(index, density, shape):
    layer = make_layer(draw_levels(shape, 4, density, seed=5), 4, height=5, width=6, padding=(1, 1))
    config = ArrayConfig(rows=3, lanes=4, weight_bits=4, index=index)
    packed = pack(layer, config)
    activations = draw_activations(layer, 1, seed=6)
    results, cycles = run_array(packed, activations)
    np.testing.assert_array_equal(results, run_layer(layer, activations))
    assert cycles == layer_cycles(packed.plan, config.requant_lanes)


def test_first_and_last_column_pruned_is_exact():
    levels = draw_levels((4, 6, 3, 3), 4, 0.7, seed=8)
    levels[..., 0] = 0
    levels[..., -1] = 0
    layer = make_layer(levels, 4, height=6, width=6, padding=(1, 1))
    packed = pack(layer, ArrayConfig(rows=2, lanes=5, weight_bits=4, index=Fixed(3)))
    activations = draw_activations(layer, 1, seed=9)
    np.testing.assert_array_equal(run_array(packed, activations)[0], run_layer(layer, activations))


def test_a_dense_and_a_sparse_array_agree_on_a_layer_without_zeros():
    layer = make_layer(draw_levels((3, 5, 3, 3), 5, 1.0, seed=1), 5, height=6, width=7, stride=(2, 1))
    activations = draw_activations(layer, 1, seed=2)
    outputs = [
        run_array(pack(layer, ArrayConfig(rows=2, lanes=3, weight_bits=5, index=index)), activations)[0]
        for index in (Dense(), Fixed(4))
    ]
    np.testing.assert_array_equal(*outputs)


def test_the_comparison_sees_one_wrong_weight():
    layer = make_layer(draw_levels((2, 3, 3, 3), 4, 0.5, seed=3), 4, height=5, width=5)
    packed = pack(layer, ArrayConfig(rows=2, lanes=4, weight_bits=4))
    packed.weight_words[1][0] ^= 1
    activations = draw_activations(layer, 1, seed=4)
    assert not np.array_equal(run_array(packed, activations)[0], run_layer(layer, activations))
