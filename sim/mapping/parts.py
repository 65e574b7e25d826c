"""A part of a layer that one run of the array computes: its weights, its inputs and the place of its results."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compress.model.layer import CompressedLayer
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.space_to_depth import fold_geometry, fold_inputs, fold_weights
from sim.mapping.unrolled_taps import Unrolled, unroll_geometry, unroll_inputs, unroll_weights

__all__ = ["Part", "part_geometry", "part_inputs", "part_layer", "part_weights"]


@dataclass(frozen=True)
class Part:
    """Some filters of a layer, for some samples of a batch and some output lines.

    Members
    -------
    filters : range
        In their ``filter_order``, within one group, or all filters of ``groups`` neighbouring groups.
    channels : range
        The input channels of those groups.
    samples, lines : range
        Of one batch, and of the output's H_out lines before pooling: whole windows of them, or all.
    groups : int
        With more than one, the run has a block of weights for each group and pruned zeros elsewhere.
    folded : bool
        Whether the run's channels are the stride phases of the layer's (``sim.mapping.space_to_depth``).
    subarrays : int
        Stacks of rows that divide the run's pixels among them.
    unrolled : Unrolled
        Whether the run's channels are lines or taps of the layer's kernels (``sim.mapping.unrolled_taps``).
    """

    filters: range
    channels: range
    samples: range
    lines: range
    groups: int = 1
    folded: bool = False
    subarrays: int = 1
    unrolled: Unrolled = Unrolled.NOTHING

    @property
    def reshaped(self) -> bool:
        """Whether channels and taps of the run are not the layer's."""
        return self.folded or self.unrolled is not Unrolled.NOTHING


def part_geometry(geometry: ArrayGeometry, part: Part) -> ArrayGeometry:
    """The part as a convolution of its own, of one group.

    A part with some of the lines reads them with their halo. Its padding lines become lines of pixels, since top and
    bottom may have different numbers of them.
    """
    plain = _plain(geometry, part)
    if part.unrolled:
        return unroll_geometry(plain, part.unrolled)
    return fold_geometry(plain) if part.folded else plain


def _plain(geometry: ArrayGeometry, part: Part) -> ArrayGeometry:
    _, _, kernel_rows, kernel_columns = geometry.weight_shape
    _, height, width = geometry.input_shape
    padding, padding_end = geometry.padding, geometry.padding_end
    if len(part.lines) < geometry.output_size[0]:
        height = (len(part.lines) - 1) * geometry.stride[0] + geometry.dilation[0] * (kernel_rows - 1) + 1
        padding, padding_end = (0, padding[1]), padding_end and (0, padding_end[1])
    channels = len(part.channels)
    return ArrayGeometry(
        (len(part.filters), channels, kernel_rows, kernel_columns),
        (channels, height, width),
        geometry.stride,
        padding,
        dilation=geometry.dilation,
        padding_end=padding_end,
        window=geometry.window,
    )


def part_weights(weights_kcrs: NDArray[Any], geometry: ArrayGeometry, part: Part) -> NDArray[Any]:
    """The part's weights, with the shape of ``part_geometry``, from a (K, C / groups, R, S) array."""
    weights = weights_kcrs[part.filters.start : part.filters.stop]
    blocks = weights if part.groups == 1 else _blocks(weights, part)
    if part.unrolled:
        return unroll_weights(blocks, part.unrolled)
    return fold_weights(blocks, geometry.stride) if part.folded else blocks


def _blocks(weights: NDArray[Any], part: Part) -> NDArray[Any]:
    """A block of weights for each group, zeros elsewhere."""
    filters, channels = len(weights) // part.groups, weights.shape[1]
    blocks = np.zeros((part.groups, filters, part.groups, *weights.shape[1:]), weights.dtype)
    blocks[range(part.groups), :, range(part.groups)] = weights.reshape(part.groups, filters, *weights.shape[1:])
    return blocks.reshape(len(weights), part.groups * channels, *weights.shape[2:])


def part_inputs(
    geometry: ArrayGeometry, part: Part, activations_nchw: NDArray[np.uint8], fill: int = 0
) -> NDArray[np.uint8]:
    """What the part reads of one batch, (len(samples), len(channels), H, W) of ``part_geometry``.

    Padding that becomes pixels has the code ``fill``.
    """
    taken = activations_nchw[part.samples.start : part.samples.stop, part.channels.start : part.channels.stop]
    plain = _plain(geometry, part)
    if len(part.lines) < geometry.output_size[0]:
        first = part.lines.start * geometry.stride[0]
        lines = (geometry.padding[0], (geometry.padding_end or geometry.padding)[0])
        padded = np.pad(taken, ((0, 0), (0, 0), lines, (0, 0)), constant_values=fill)
        taken = padded[:, :, first : first + plain.input_shape[1]]
    if part.unrolled:
        return unroll_inputs(taken, plain, part.unrolled, fill)
    return fold_inputs(taken, plain, fill) if part.folded else taken


def part_layer(layer: CompressedLayer, part: Part, pooled: bool = False) -> CompressedLayer:
    """The part as a layer of its own; pooling by the host happens after all parts are joined."""
    whole = ArrayGeometry.of(layer)
    geometry = part_geometry(whole, part)
    return replace(
        layer,
        name=f"{layer.name} filters {_span(part.filters)} lines {_span(part.lines)}",
        levels=part_weights(layer.levels, whole, part),
        bias=layer.bias[part.filters.start : part.filters.stop],
        input_shape=geometry.input_shape,
        stride=geometry.stride,
        padding=geometry.padding,
        dilation=geometry.dilation,
        padding_end=geometry.padding_end,
        groups=1,
        pool=layer.pool if pooled else None,
    )


def _span(numbers: range) -> str:
    return f"{numbers.start}..{numbers.stop - 1}"
