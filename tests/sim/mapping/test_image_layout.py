"""Pixels in the activation bank."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.mapping.geometry import ArrayGeometry
from sim.mapping.image_layout import ImageLayout, line_pitch


@st.composite
def geometries(draw: st.DrawFn) -> ArrayGeometry:
    kernel = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    padding = draw(st.tuples(st.integers(0, 6), st.integers(0, 6)))
    height, width = (draw(st.integers(max(1, k - 2 * p), k + 7)) for k, p in zip(kernel, padding, strict=True))
    channels = draw(st.integers(1, 3))
    stride = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    geometry = ArrayGeometry((2, channels, *kernel), (channels, height, width), stride, padding)
    if draw(st.booleans()):
        return geometry
    height, width = geometry.output_size
    return replace(geometry, window=(draw(st.integers(1, min(4, height))), draw(st.integers(1, min(4, width)))))


@settings(max_examples=300)
@given(geometries(), st.integers(1, 9), st.integers(1, 3))
def test_every_output_finds_every_pixel_of_its_window(geometry: ArrayGeometry, lanes: int, batch: int) -> None:
    layout = ImageLayout(geometry, lanes, batch)
    activations = np.random.default_rng(0).integers(1, 256, (batch, *geometry.input_shape)).astype(np.uint8)
    planes = layout.planes(activations)
    pixels = planes.reshape(len(planes), layout.phases, layout.plane_words * lanes)
    pad = geometry.padding
    padded = np.pad(activations, ((0, 0), (0, 0), (pad[0], pad[0]), (pad[1], pad[1])))
    stride, kernel = geometry.stride, geometry.weight_shape[2:]
    (rows, columns), (height, width) = geometry.window, geometry.windows
    inside = np.arange(rows * columns)  # columns outermost, in the order of numbers
    numbers = layout.output_numbers[..., None] * rows * columns + inside
    assert len(np.unique(numbers)) == numbers.size
    for tap, (r, s) in enumerate(np.ndindex(*kernel)):
        want = padded[:, :, r :: stride[0], s :: stride[1]][:, :, : height * rows, : width * columns]
        want = want.reshape(*want.shape[:2], height, rows, width, columns).transpose(0, 1, 2, 4, 5, 3)
        got = pixels[:, layout.tap_phases[tap]][:, numbers + layout.tap_offsets[tap]].swapaxes(0, 1)
        np.testing.assert_array_equal(got, want.reshape(got.shape))


@given(geometries(), st.integers(1, 9), st.integers(1, 3), st.integers(1, 4))
def test_every_word_a_tile_reads_lies_in_the_bank(
    geometry: ArrayGeometry, lanes: int, batch: int, channels: int
) -> None:
    layout = ImageLayout(geometry, lanes, batch)
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


def test_alexnet_conv4_keeps_most_lanes_busy() -> None:
    layout = ImageLayout(ArrayGeometry((384, 192, 3, 3), (192, 13, 13), (1, 1), (1, 1)), lanes=16)
    assert 13 * 13 / (layout.pixel_groups * 16) > 0.85
