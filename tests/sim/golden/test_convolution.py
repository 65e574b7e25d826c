"""Sums in chunks against a sum over every weight, in integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from compress.model.layer import CompressedLayer
from compress.model.requantization import Requantization
from sim.golden import convolution
from sim.golden.convolution import Convolution
from sim.golden.golden import accumulate, requantize, run_layer
from tests.drawn import draw_levels, make_layer


def slow_sums(layer: CompressedLayer, activations_nchw: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(N, K, H_out, W_out): weight by weight."""
    filters, channels, rows, columns = layer.levels.shape
    borders = tuple(zip(layer.padding, layer.padding_end or layer.padding, strict=True))
    codes = activations_nchw.astype(np.int64)
    padded = np.pad(codes, ((0, 0), (0, 0), *borders), constant_values=layer.input_zero_point)
    sums = np.zeros((len(codes), *layer.conv_shape), np.int64)
    _, height, width = layer.conv_shape
    (stride_y, stride_x), (step_y, step_x) = layer.stride, layer.dilation
    for k, c, r, s in np.ndindex(filters, channels, rows, columns):
        channel = k // (filters // layer.groups) * channels + c
        read = padded[:, channel, r * step_y :: stride_y, s * step_x :: stride_x][:, :height, :width]
        sums[:, k] += int(layer.levels[k, c, r, s]) * read
    return sums + layer.bias[:, None, None]


@st.composite
def grouped_layers(draw: st.DrawFn) -> CompressedLayer:
    """Any groups, from one to depthwise, with padding of real zeros."""
    groups, channels, filters = (draw(st.integers(1, 4)) for _ in range(3))
    kernel = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    shape = (groups * filters, channels, *kernel)
    levels = draw_levels(shape, 8, draw(st.sampled_from([0.0, 0.3, 1.0])), draw(st.integers(0, 99)))
    height, width = draw(st.integers(5, 8)), draw(st.integers(5, 8))
    return make_layer(
        levels,
        8,
        height,
        width,
        input_shape=(groups * channels, height, width),
        groups=groups,
        stride=draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
        padding=draw(st.tuples(st.integers(0, 2), st.integers(0, 2))),
        padding_end=draw(st.none() | st.tuples(st.integers(0, 2), st.integers(0, 2))),
        dilation=draw(st.tuples(st.integers(1, 2), st.integers(1, 2))),
        input_zero_point=draw(st.integers(0, 255)),
        requantization=draw(st.builds(Requantization, st.integers(1, 511), st.integers(1, 32))),
    )


@given(grouped_layers(), st.integers(0, 5), st.booleans(), st.integers(0, 99))
def test_chunks_are_the_sum_over_every_weight(layer: CompressedLayer, images: int, whole: bool, seed: int) -> None:
    activations = np.random.default_rng(seed).integers(0, 256, (images, *layer.input_shape)).astype(np.uint8)
    want = slow_sums(layer, activations)
    with pytest.MonkeyPatch.context() as patch:
        if not whole:
            patch.setattr(convolution, "CHUNK", 1)
        np.testing.assert_array_equal(accumulate(layer, activations), want)
        codes = run_layer(layer, activations)
    np.testing.assert_array_equal(codes, requantize(want, layer.requantization, 8, relu=True))


def test_images_are_convolved_some_at_a_time() -> None:
    layer = make_layer(draw_levels((2, 3, 3, 3), 8, 1.0, 0), 8, 40, 40)
    activations = np.zeros((60, 3, 40, 40), np.uint8)
    parts = Convolution.of(layer, activations).chunks(len(activations))
    assert len(parts) > 1
    assert [image for part in parts for image in range(60)[part]] == list(range(60))


def test_products_past_32_bits_round_as_small_ones() -> None:
    levels = np.full((2, 600, 1, 1), 128, np.int16) * np.array([1, -1], np.int16).reshape(2, 1, 1, 1)
    layer = make_layer(levels.astype(np.int16), 8, 1, 1, requantization=Requantization(511, 26))
    activations = np.full((1, 600, 1, 1), 255, np.uint8)
    want = [(int(total) * 511 + 2**25) >> 26 for total in slow_sums(layer, activations).ravel()]
    assert want[0] == 149
    assert run_layer(layer, activations).ravel().tolist() == [149, 0]
