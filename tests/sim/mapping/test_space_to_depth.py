"""Folding the stride into channels changes no sum."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from compress.model.layer import CompressedLayer
from sim.golden.golden import accumulate
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.space_to_depth import can_fold, fold_geometry, fold_inputs, fold_weights
from tests.drawn import draw_activations, layers, make_layer


@given(layers(), st.integers(0, 99))
def test_the_folded_layer_has_the_same_sums(layer: CompressedLayer, seed: int) -> None:
    geometry = ArrayGeometry.of(layer)
    assume(can_fold(geometry))
    folded = fold_geometry(geometry)
    levels = fold_weights(layer.levels, layer.stride)
    assert levels.shape == folded.weight_shape
    other = make_layer(
        levels,
        layer.weight_bits,
        *folded.input_shape[1:],
        bias=layer.bias,
        act_bits=layer.act_bits,
        dilation=folded.dilation,
    )
    activations = draw_activations(layer, 2, seed)
    inputs = fold_inputs(activations, geometry, layer.input_zero_point)
    np.testing.assert_array_equal(accumulate(other, inputs), accumulate(layer, activations))
    assert np.count_nonzero(levels) == np.count_nonzero(layer.levels)
