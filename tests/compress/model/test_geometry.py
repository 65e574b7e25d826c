"""Sizes are torch's, for every kernel, stride, padding and number of groups."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from compress.model.geometry import ConvGeometry, kernel_places

pairs = st.tuples(st.integers(1, 5), st.integers(1, 5))


@st.composite
def geometries(draw: st.DrawFn) -> ConvGeometry:
    groups, filters, channels = (draw(st.integers(1, 3)) for _ in range(3))
    kernel, stride = draw(pairs), draw(pairs)
    padding = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    height, width = (draw(st.integers(max(1, k - 2 * p), 12)) for k, p in zip(kernel, padding, strict=True))
    shape = (groups * filters, channels, *kernel)
    return ConvGeometry(shape, (groups * channels, height, width), stride, padding, groups)


@given(geometries())
def test_outputs_weights_and_macs_are_those_of_torch(geometry: ConvGeometry) -> None:
    filters, channels, *kernel = geometry.weight_shape
    with torch.device("meta"):
        conv = nn.Conv2d(
            channels * geometry.groups,
            filters,
            (kernel[0], kernel[1]),
            geometry.stride,
            geometry.padding,
            groups=geometry.groups,
        )
        result = conv(torch.zeros(1, *geometry.input_shape))
    assert geometry.output_shape == tuple(result.shape[1:])
    assert geometry.weights == conv.weight.numel()
    assert geometry.macs == result.numel() * conv.weight[0].numel()


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(0, 3))
def test_a_kernel_has_a_place_wherever_it_stands_on_the_padded_line(
    size: int, kernel: int, stride: int, padding: int
) -> None:
    starts = [start for start in range(0, size + 2 * padding, stride) if start + kernel <= size + 2 * padding]
    assert max(0, kernel_places(size, kernel, stride, padding)) == len(starts)


def test_a_linear_layer_is_a_convolution_of_one_pixel() -> None:
    geometry = ConvGeometry((10, 8, 1, 1), (8, 1, 1))
    assert (geometry.output_shape, geometry.weights, geometry.macs) == ((10, 1, 1), 80, 80)
