"""Lines and taps as channels change no sum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.model.layer import CompressedLayer
from sim.golden.golden import accumulate
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.unrolled_taps import Unrolled, unroll_geometry, unroll_inputs, unroll_weights, unrollings
from tests.drawn import draw_activations, layers, make_layer


@given(layers(), st.sampled_from(Unrolled), st.integers(0, 99))
def test_the_unrolled_layer_has_the_same_sums(layer: CompressedLayer, how: Unrolled, seed: int) -> None:
    geometry = ArrayGeometry.of(layer)
    unrolled, levels = unroll_geometry(geometry, how), unroll_weights(layer.levels, how)
    assert levels.shape == unrolled.weight_shape
    assert (unrolled.output_size, unrolled.windows) == (geometry.output_size, geometry.windows)
    other = make_layer(
        levels,
        layer.weight_bits,
        *unrolled.input_shape[1:],
        bias=layer.bias,
        act_bits=layer.act_bits,
        stride=unrolled.stride,
        padding=unrolled.padding,
        dilation=unrolled.dilation,
        padding_end=unrolled.padding_end,
        input_zero_point=layer.input_zero_point,
    )
    activations = draw_activations(layer, 2, seed)
    inputs = unroll_inputs(activations, geometry, how, layer.input_zero_point)
    assert inputs.shape[1:] == unrolled.input_shape
    np.testing.assert_array_equal(accumulate(other, inputs), accumulate(layer, activations))


@pytest.mark.parametrize(
    ("kernel", "found"),
    [((1, 1), ()), ((3, 1), (Unrolled.LINES,)), ((1, 3), (Unrolled.TAPS,)), ((2, 3), (Unrolled.LINES, Unrolled.TAPS))],
)
def test_only_what_changes_something_is_tried(kernel: tuple[int, int], found: tuple[Unrolled, ...]) -> None:
    assert unrollings(ArrayGeometry((2, 1, *kernel), (1, 5, 5))) == found
