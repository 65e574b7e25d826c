"""How a convolution's pixels lie in a row's activation bank, so that every tap is one constant offset."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.mapping.geometry import ArrayGeometry

__all__ = ["ImageLayout", "line_pitch"]


def line_pitch(
    size: int,
    kernel: int,
    stride: int,
    padding: int,
    outputs: int,
    run: int = 1,
    multiple: int = 1,
    dilation: int = 1,
) -> int:
    """Smallest distance between the starts of two neighbouring lines that share their padding.

    A padded index u lies in phase ``u % stride`` at ``u // stride``. Where a line runs past its pitch it reads the
    start of the next line, which is allowed only where both are padding. ``run`` neighbouring outputs count as one of
    ``outputs``, and a phase has a copy for each tap's place in them (``ImageLayout``). The pitch is a multiple of
    ``multiple``. ``padding`` is that before the first pixel: what follows the last one has no end.

    >>> line_pitch(size=13, kernel=3, stride=1, padding=1, outputs=13)
    14
    """
    reads: dict[tuple[int, int], set[int]] = {}
    for tap in range(0, kernel * dilation, dilation):
        further, start = divmod(tap // stride, run)
        reads.setdefault((tap % stride, start), set()).update(range(further, further + outputs))
    pixels = {
        (phase, start): {
            divmod((u + padding) // stride - start, run) for u in range(size) if (u + padding) % stride == phase
        }
        for phase, start in reads
    }

    def fits(pitch: int) -> bool:
        for plane, read in reads.items():
            used = {(index, place) for index, place in pixels[plane] if index in read}
            if any(index >= pitch for index, _ in used):
                return False
            overrun = (index for index in read if index >= pitch)
            if any((index % pitch, place) in used for index in overrun for place in range(run)):
                return False
        return True

    pitch = -(-outputs // multiple) * multiple
    while not fits(pitch):
        pitch += multiple
    return pitch


@dataclass(frozen=True)
class ImageLayout:
    """Pixels of ``batch`` images in words of ``lanes``, planes for each channel and stride phase that taps read.

    Output pixel (b, y, x) is number ``(b * image_pitch + y) * line_pitch + x``; lane v of pixel group t computes number
    ``t * lanes + v``. Numbers past a line's end are computed and dropped. Tap (r, s) reads, in the plane of its
    phase, the pixel that lies ``tap_offsets[r * S + s]`` further on.

    With a window of p rows, p lines are one line of columns: pixel (b, p Y + i, x) is number
    ``((b * image_pitch + Y) * line_pitch + x) * p + i``, so that the pixels of a window follow each other. A tap that
    lies o lines further on, o not divisible by p, finds its lines joined otherwise: a phase has a plane for each o % p
    of its taps, which joins its lines from line o % p on.

    Each of several ``subarrays`` computes one of as many equal stretches of pixel groups, one after the other, and its
    banks hold what that stretch reads.
    """

    geometry: ArrayGeometry
    lanes: int
    batch: int = 1
    subarrays: int = 1

    @cached_property
    def line_pitch(self) -> int:
        """Columns from one line to the next."""
        return self._pitch(1, multiple=self.geometry.window[1])

    @cached_property
    def image_pitch(self) -> int:
        """Lines from one image to the next, in lines of windows."""
        return self._pitch(0, run=self.geometry.window[0])

    def _pitch(self, axis: int, run: int = 1, multiple: int = 1) -> int:
        g = self.geometry
        outputs = g.windows[axis] * g.window[axis] // run
        size, kernel = g.input_shape[axis + 1], g.weight_shape[axis + 2]
        return line_pitch(size, kernel, g.stride[axis], g.padding[axis], outputs, run, multiple, g.dilation[axis])

    @property
    def window_pixels(self) -> int:
        """Pixels that become one result; 1 without pooling."""
        return self.geometry.window[0] * self.geometry.window[1]

    @cached_property
    def _tap_places(self) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]:
        """For rows, then columns: stride phase (R,) of every tap, and its place (R,) in that phase's lines."""
        sizes = zip(self.geometry.weight_shape[2:], self.geometry.dilation, self.geometry.stride, strict=True)
        return tuple((taps % stride, taps // stride) for taps, stride in ((np.arange(n) * d, s) for n, d, s in sizes))

    @cached_property
    def _tap_planes(self) -> NDArray[np.int64]:
        """(R * S,): stride phase and first joined line of each tap, as one number; not all numbers are in use."""
        (row_phase, line), (column_phase, _) = self._tap_places
        first = line % self.geometry.window[0]
        return self._plane_number(row_phase[:, None], column_phase, first[:, None]).ravel()

    def _plane_number(
        self, row_phase: NDArray[np.int64], column_phase: NDArray[np.int64], copy: NDArray[np.int64] | int
    ) -> NDArray[np.int64]:
        return (row_phase * self.geometry.stride[1] + column_phase) * self.geometry.window[0] + copy

    @cached_property
    def _planes_in_use(self) -> NDArray[np.int64]:
        return np.unique(self._tap_planes)

    @property
    def phases(self) -> int:
        """Planes of one channel."""
        return len(self._planes_in_use)

    @cached_property
    def output_numbers(self) -> NDArray[np.int64]:
        """(batch, *geometry.windows): the number of each window, or without pooling of each output pixel."""
        height, width = self.geometry.windows
        image, line, column = np.ogrid[: self.batch, :height, :width]
        return np.asarray((image * self.image_pitch + line) * (self.line_pitch // self.geometry.window[1]) + column)

    @cached_property
    def last_number(self) -> int:
        """Number of the last pixel that is needed."""
        return (int(self.output_numbers[-1, -1, -1]) + 1) * self.window_pixels - 1

    @cached_property
    def pixel_groups(self) -> int:
        """Groups of ``lanes`` pixels that each subarray computes; all filters pass over each. The registers call one a
        tile.
        """
        return -(-(self.last_number + 1) // (self.lanes * self.subarrays))

    @cached_property
    def tap_offsets(self) -> NDArray[np.int64]:
        """(R * S,): pixels from an output's number to the input pixel of that tap."""
        (_, line), (_, column) = self._tap_places
        rows = self.geometry.window[0]
        return np.asarray(((line // rows * self.line_pitch)[:, None] + column) * rows).ravel()

    @cached_property
    def tap_phases(self) -> NDArray[np.int64]:
        """(R * S,): the plane each tap reads."""
        return np.searchsorted(self._planes_in_use, self._tap_planes)

    @cached_property
    def plane_words(self) -> int:
        """Words of one plane in a subarray's bank, up to the last pixel that an output needs."""
        last = min(self.last_number, self.pixel_groups * self.lanes - 1)
        return (last + int(self.tap_offsets.max())) // self.lanes + 1

    def words(self, channels: int) -> int:
        """Bank words for ``channels``, including words that only dropped pixels read."""
        last_read = self.pixel_groups + int(self.tap_offsets.max()) // self.lanes
        planes = self.phases * channels
        return (planes - 1) * self.plane_words + max(self.plane_words, last_read + 1)

    def table_words(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Per tap: activation word relative to its channel and pixel group, and pixel shift within it."""
        words = self.tap_phases * self.plane_words + self.tap_offsets // self.lanes
        return words, self.tap_offsets % self.lanes

    def planes(self, activations_nchw: NDArray[np.uint8], fill: int = 0) -> NDArray[np.uint8]:
        """(subarrays, C, phases * plane_words, lanes): the words of each channel, ``fill`` wherever they have no pixel.

        ``activations_nchw`` has shape (batch, C, H, W).
        """
        batch, channels, height, width = activations_nchw.shape
        stride_y, stride_x = self.geometry.stride
        rows = self.geometry.window[0]
        line = np.arange(height) + self.geometry.padding[0]
        column = np.arange(width) + self.geometry.padding[1]
        image = self.image_pitch * self.line_pitch * rows
        first_words = np.arange(self.subarrays) * self.pixel_groups
        pixels = (first_words[-1] + self.plane_words) * self.lanes
        memory = np.full((channels, self.phases, pixels), fill, np.uint8)
        for copy in np.unique(self._tap_places[0][1] % rows).tolist():
            group, place = np.divmod(line // stride_y - copy, rows)
            numbers = self._plane_number((line % stride_y)[:, None], column % stride_x, copy)
            plane = np.searchsorted(self._planes_in_use, numbers)
            number = (group[:, None] * self.line_pitch + (column // stride_x)[None, :]) * rows + place[:, None]
            needed = self._needed(0, height, copy)[:, None] & self._needed(1, width)[None, :]
            for b in range(batch):
                inside = needed & (number + b * image < pixels)
                memory[:, plane[inside], number[inside] + b * image] = activations_nchw[b][:, inside]
        words = memory.reshape(channels, self.phases, -1, self.lanes)
        held = words[:, :, first_words[:, None] + np.arange(self.plane_words)]
        return held.transpose(2, 0, 1, 3, 4).reshape(self.subarrays, channels, -1, self.lanes)

    def _needed(self, axis: int, size: int, copy: int = 0) -> NDArray[np.bool_]:
        """(size,): whether an output reads a line or column in that copy; only those may overwrite shared padding."""
        stride, (phase, place) = self.geometry.stride[axis], self._tap_places[axis]
        taps = place * stride + phase
        if axis == 0:
            taps = taps[place % self.geometry.window[0] == copy]
        outputs = np.arange(self.geometry.windows[axis] * self.geometry.window[axis])
        read = (outputs[:, None] * stride + taps).ravel()
        return np.isin(np.arange(size) + self.geometry.padding[axis], read)
