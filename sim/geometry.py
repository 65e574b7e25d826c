"""How a convolution's pixels lie in a row's activation bank, so that every tap is one constant offset."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from compress.layer import CompressedLayer

__all__ = ["ConvGeometry", "ImageLayout", "line_pitch"]


@dataclass(frozen=True)
class ConvGeometry:
    """Sizes of a convolution; a Linear layer is a 1x1 convolution of one pixel.

    ``weight_shape`` is (K, C / groups, R, S), ``input_shape`` (C, H, W) of one sample.
    """

    weight_shape: tuple[int, int, int, int]
    input_shape: tuple[int, int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    groups: int = 1

    @classmethod
    def of(cls, layer: CompressedLayer) -> ConvGeometry:
        """The sizes of an integer layer."""
        filters, channels, kernel_rows, kernel_columns = layer.levels.shape
        shape = (filters, channels, kernel_rows, kernel_columns)
        return cls(shape, layer.input_shape, layer.stride, layer.padding, layer.groups)

    @property
    def output_size(self) -> tuple[int, int]:
        """(H_out, W_out)."""
        height, width = (
            (self.input_shape[axis + 1] + 2 * self.padding[axis] - self.weight_shape[axis + 2]) // self.stride[axis] + 1
            for axis in (0, 1)
        )
        return height, width

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one sample before pruning."""
        return int(np.prod(self.weight_shape)) * self.output_size[0] * self.output_size[1]


def line_pitch(size: int, kernel: int, stride: int, padding: int, outputs: int) -> int:
    """Smallest distance between the starts of two neighbouring lines, with their zero padding shared.

    A padded index u lies in phase ``u % stride`` at ``u // stride``. Where a line runs over its pitch it reads
    the start of the next line: allowed only where both are padding.

    >>> line_pitch(size=13, kernel=3, stride=1, padding=1, outputs=13)
    14
    """
    needed = {tap % stride: outputs + tap // stride for tap in range(kernel)}
    pixels = {
        phase: {(u + padding) // stride for u in range(size) if (u + padding) % stride == phase} for phase in needed
    }

    def fits(pitch: int) -> bool:
        for phase, stop in needed.items():
            used = {index for index in pixels[phase] if index < stop}
            if used and max(used) >= pitch:
                return False
            overrun = range(pitch, stop)
            if any(index % pitch in used for index in overrun):
                return False
        return True

    pitch = outputs
    while not fits(pitch):
        pitch += 1
    return pitch


@dataclass(frozen=True)
class ImageLayout:
    """Pixels of ``batch`` images in words of ``lanes``, one plane for each channel and stride phase.

    Output pixel (b, y, x) is number ``(b * image_pitch + y) * line_pitch + x``; lane v of tile t computes number
    ``t * lanes + v``. Numbers past a line's end are computed and dropped. Tap (r, s) reads, in the plane of its
    phase, the pixel that lies ``tap_offsets[r * S + s]`` further on.
    """

    geometry: ConvGeometry
    lanes: int
    batch: int = 1

    @cached_property
    def line_pitch(self) -> int:
        """Pixels from one line to the next."""
        return self._pitch(1)

    @cached_property
    def image_pitch(self) -> int:
        """Lines from one image to the next."""
        return self._pitch(0)

    def _pitch(self, axis: int) -> int:
        g = self.geometry
        return line_pitch(
            g.input_shape[axis + 1], g.weight_shape[axis + 2], g.stride[axis], g.padding[axis], g.output_size[axis]
        )

    @property
    def phases(self) -> int:
        """Planes of one channel."""
        return self.geometry.stride[0] * self.geometry.stride[1]

    @cached_property
    def output_numbers(self) -> NDArray[np.int64]:
        """(batch, H_out, W_out): the number of each output pixel."""
        height, width = self.geometry.output_size
        image, line, column = np.ogrid[: self.batch, :height, :width]
        return np.asarray((image * self.image_pitch + line) * self.line_pitch + column)

    @cached_property
    def tiles(self) -> int:
        """Passes over all filters."""
        return int(self.output_numbers[-1, -1, -1]) // self.lanes + 1

    @cached_property
    def tap_offsets(self) -> NDArray[np.int64]:
        """(R * S,): pixels from an output's number to the input pixel of that tap."""
        r, s = np.ogrid[: self.geometry.weight_shape[2], : self.geometry.weight_shape[3]]
        return np.asarray((r // self.geometry.stride[0]) * self.line_pitch + s // self.geometry.stride[1]).ravel()

    @cached_property
    def tap_phases(self) -> NDArray[np.int64]:
        """(R * S,): the plane each tap reads."""
        r, s = np.ogrid[: self.geometry.weight_shape[2], : self.geometry.weight_shape[3]]
        stride_y, stride_x = self.geometry.stride
        return np.asarray((r % stride_y) * stride_x + s % stride_x).ravel()

    @cached_property
    def plane_words(self) -> int:
        """Words of one plane: up to the last pixel that an output needs."""
        last_pixel = int(self.output_numbers[-1, -1, -1] + self.tap_offsets.max())
        return last_pixel // self.lanes + 1

    def words(self, channels: int) -> int:
        """Bank words for ``channels``, with the words that only dropped pixels read."""
        last_read = self.tiles + int(self.tap_offsets.max()) // self.lanes
        planes = self.phases * channels
        return (planes - 1) * self.plane_words + max(self.plane_words, last_read + 1)

    def table_words(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Per tap: activation word relative to its channel and tile, and pixel shift within it."""
        words = self.tap_phases * self.plane_words + self.tap_offsets // self.lanes
        return words, self.tap_offsets % self.lanes

    def planes(self, activations_nchw: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(C, phases * plane_words, lanes): the words of each channel.

        ``activations_nchw`` has shape (batch, C, H, W).
        """
        batch, channels, height, width = activations_nchw.shape
        stride_y, stride_x = self.geometry.stride
        line = np.arange(height) + self.geometry.padding[0]
        column = np.arange(width) + self.geometry.padding[1]
        phase = (line % stride_y)[:, None] * stride_x + (column % stride_x)[None, :]
        number = (line // stride_y)[:, None] * self.line_pitch + (column // stride_x)[None, :]
        image = np.arange(batch)[:, None, None] * self.image_pitch * self.line_pitch
        pixels = self.plane_words * self.lanes
        needed = self._needed(height, width)
        memory = np.zeros((channels, self.phases, pixels), np.uint8)
        for b in range(batch):
            index = number + image[b]
            inside = needed & (index < pixels)
            memory[:, phase[inside], index[inside]] = activations_nchw[b][:, inside]
        return memory.reshape(channels, self.phases * self.plane_words, self.lanes)

    def _needed(self, height: int, width: int) -> NDArray[np.bool_]:
        """(H, W): pixels that some output reads; the others may not overwrite shared padding."""
        masks = []
        for axis, size in ((0, height), (1, width)):
            kernel, stride = self.geometry.weight_shape[axis + 2], self.geometry.stride[axis]
            read = (np.arange(self.geometry.output_size[axis])[:, None] * stride + np.arange(kernel)).ravel()
            masks.append(np.isin(np.arange(size) + self.geometry.padding[axis], read))
        return masks[0][:, None] & masks[1][None, :]
