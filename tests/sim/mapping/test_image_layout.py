"""Pixels in the activation bank."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.mapping.geometry import ArrayGeometry
from sim.mapping.image_layout import ImageLayout, line_pitch
from tests.drawn import dilations, map_sizes, paddings


@st.composite
def geometries(draw: st.DrawFn) -> ArrayGeometry:
    kernel = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    (padding, padding_end), dilation = draw(paddings()), draw(dilations)
    size = draw(map_sizes(kernel, dilation, padding, padding_end))
    channels = draw(st.integers(1, 3))
    stride = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    shape = (2, channels, *kernel)
    geometry = ArrayGeometry(shape, (channels, *size), stride, padding, dilation=dilation, padding_end=padding_end)
    if draw(st.booleans()):
        return geometry
    height, width = geometry.output_size
    return replace(geometry, window=(draw(st.integers(1, min(4, height))), draw(st.integers(1, min(4, width)))))


@settings(max_examples=300)
@given(geometries(), st.integers(1, 9), st.integers(1, 3))
def test_every_output_finds_every_pixel_of_its_window(geometry: ArrayGeometry, lanes: int, batch: int) -> None:
    layout = ImageLayout(geometry, lanes, batch)
    activations = np.random.default_rng(0).integers(1, 256, (batch, *geometry.input_shape)).astype(np.uint8)
    planes = layout.planes(activations, fill=77)
    pixels = planes.reshape(geometry.input_shape[0], layout.phases, layout.plane_words * lanes)
    borders = zip(geometry.padding, geometry.padding_end or geometry.padding, strict=True)
    padded = np.pad(activations, ((0, 0), (0, 0), *borders), constant_values=77)
    stride, kernel, (step_y, step_x) = geometry.stride, geometry.weight_shape[2:], geometry.dilation
    (rows, columns), (height, width) = geometry.window, geometry.windows
    inside = np.arange(rows * columns)  # columns outermost, in the order of numbers
    numbers = layout.output_numbers[..., None] * rows * columns + inside
    assert len(np.unique(numbers)) == numbers.size
    for tap, (r, s) in enumerate(np.ndindex(*kernel)):
        want = padded[:, :, r * step_y :: stride[0], s * step_x :: stride[1]][:, :, : height * rows, : width * columns]
        want = want.reshape(*want.shape[:2], height, rows, width, columns).transpose(0, 1, 2, 4, 5, 3)
        got = pixels[:, layout.tap_phases[tap]][:, numbers + layout.tap_offsets[tap]].swapaxes(0, 1)
        np.testing.assert_array_equal(got, want.reshape(got.shape))


@given(geometries(), st.integers(1, 9), st.integers(1, 3), st.sampled_from([2, 4, 8]))
def test_subarrays_hold_the_words_that_their_stretch_reads(
    geometry: ArrayGeometry, lanes: int, batch: int, subarrays: int
) -> None:
    whole, parts = ImageLayout(geometry, lanes, batch), ImageLayout(geometry, lanes, batch, subarrays)
    assert subarrays * (parts.pixel_groups - 1) < whole.pixel_groups <= subarrays * parts.pixel_groups
    activations = np.random.default_rng(0).integers(1, 256, (batch, *geometry.input_shape)).astype(np.uint8)
    planes = whole.planes(activations, fill=77).reshape(geometry.input_shape[0], whole.phases, -1)
    for subarray, held in enumerate(parts.planes(activations, fill=77)):
        first = subarray * parts.pixel_groups * lanes
        pixels = held.reshape(len(held), whole.phases, -1)
        numbers = np.arange(first, min(first + parts.pixel_groups * lanes, whole.last_number + 1))
        for tap, offset in enumerate(whole.tap_offsets):
            plane = whole.tap_phases[tap]
            np.testing.assert_array_equal(
                pixels[:, plane][:, numbers - first + offset], planes[:, plane][:, numbers + offset]
            )


@given(geometries(), st.integers(1, 9), st.integers(1, 3), st.integers(1, 4), st.sampled_from([1, 2, 4]))
def test_every_word_a_tile_reads_lies_in_the_bank(
    geometry: ArrayGeometry, lanes: int, batch: int, channels: int, subarrays: int
) -> None:
    layout = ImageLayout(geometry, lanes, batch, subarrays)
    tap_words, _ = layout.table_words()
    last_plane = (channels - 1) * layout.phases * layout.plane_words
    last_read = last_plane + int(tap_words.max()) + layout.pixel_groups - 1 + 1  # and its neighbour
    assert last_read < layout.words(channels)


@pytest.mark.parametrize(
    ("axis", "pitch"),
    [
        ((13, 3, 1, 1, 13), 14),
        ((27, 5, 1, 2, 27), 29),
        ((8, 3, 1, 1, 8), 9),
        ((12, 5, 1, 0, 8), 12),
        ((1, 1, 1, 0, 1), 1),
    ],
)
def test_neighbouring_lines_share_their_padding(axis: tuple[int, int, int, int, int], pitch: int) -> None:
    size, kernel, stride, padding, outputs = axis
    assert line_pitch(size, kernel, stride, padding, outputs) == pitch


def test_dilated_lines_share_their_padding() -> None:
    assert line_pitch(size=13, kernel=3, stride=1, padding=2, outputs=13, dilation=2) == 15


def test_a_strided_kernel_of_one_pixel_stores_only_what_it_reads() -> None:
    strided = ImageLayout(ArrayGeometry((32, 16, 1, 1), (16, 32, 32), stride=(2, 2)), lanes=8)
    assert strided.words(16) == ImageLayout(ArrayGeometry((32, 16, 1, 1), (16, 16, 16)), lanes=8).words(16)


def test_alexnet_conv4_keeps_most_lanes_busy() -> None:
    layout = ImageLayout(ArrayGeometry((384, 192, 3, 3), (192, 13, 13), (1, 1), (1, 1)), lanes=16)
    assert 13 * 13 / (layout.pixel_groups * 16) > 0.85
