"""The integer answer: what the array must produce, bit by bit."""

from __future__ import annotations

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from compress.model.compressed_model import CompressedModel
from compress.model.layer import CompressedLayer, LayerKind, Pool, PoolKind, Requantization

__all__ = [
    "accumulate",
    "accumulator_bits",
    "accumulator_range",
    "layer_inputs",
    "pool",
    "quantize_input",
    "requantize",
    "run_layer",
    "run_model",
]


def accumulate(layer: CompressedLayer, activations_nchw: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(N, K, H_out, W_out): bias plus the sum of level * activation.

    Computed as a matrix product in floating point, which is exact: ``_exact_float`` holds every partial sum.
    """
    exact = _exact_float(layer, activations_nchw)
    n = len(activations_nchw)
    filters, _, kernel_rows, kernel_columns = layer.levels.shape
    _, height, width = layer.conv_shape
    padding_y, padding_x = layer.padding
    padded = np.pad(activations_nchw.astype(exact), ((0, 0), (0, 0), (padding_y, padding_y), (padding_x, padding_x)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel_rows, kernel_columns), axis=(2, 3))
    windows = windows[:, :, :: layer.stride[0], :: layer.stride[1]][:, :, :height, :width]
    sums = np.empty((n, filters, height, width), np.int64)
    per_group = filters // layer.groups
    channels = layer.levels.shape[1]
    for group in range(layer.groups):
        columns = windows[:, group * channels : (group + 1) * channels].transpose(0, 2, 3, 1, 4, 5)
        weights = layer.levels[group * per_group : (group + 1) * per_group].reshape(per_group, -1).astype(exact)
        product = columns.reshape(n * height * width, -1) @ weights.T
        sums[:, group * per_group : (group + 1) * per_group] = (
            product.reshape(n, height, width, per_group).transpose(0, 3, 1, 2).astype(np.int64)
        )
    return sums + layer.bias.astype(np.int64)[None, :, None, None]


def _exact_float(layer: CompressedLayer, activations_nchw: NDArray[np.integer]) -> type[np.float32 | np.float64]:
    """The smallest float in which the products and their sums, in any order, are exact integers.

    No partial sum exceeds (largest activation) * (sum of a filter's level magnitudes); float32 holds every integer
    up to 2**24, float64 up to 2**53, which no layer reaches.
    """
    largest = max(int(activations_nchw.max(initial=0)), -int(activations_nchw.min(initial=0)))
    magnitudes = np.abs(layer.levels.reshape(len(layer.levels), -1).astype(np.int64)).sum(axis=1)
    return np.float32 if largest * int(magnitudes.max()) <= 1 << 24 else np.float64


def accumulator_range(layer: CompressedLayer) -> tuple[int, int]:
    """Smallest and largest value any partial sum of any filter can take, whatever the activations and the order."""
    largest = (1 << layer.act_bits) - 1
    levels = layer.levels.reshape(len(layer.levels), -1).astype(np.int64)
    bias = layer.bias.astype(np.int64)
    high = bias + largest * np.maximum(levels, 0).sum(axis=1)
    low = bias + largest * np.minimum(levels, 0).sum(axis=1)
    return min(0, int(low.min())), max(0, int(high.max()))


def accumulator_bits(layer: CompressedLayer) -> int:
    """The fewest signed bits that hold every partial sum, whatever the activations and the order."""
    low, high = accumulator_range(layer)
    return max(high.bit_length(), (-low - 1).bit_length()) + 1


def requantize(sums: NDArray[np.int64], requantization: Requantization, act_bits: int, relu: bool) -> NDArray[np.int16]:
    """``(sums * multiplier + 2**(shift-1)) >> shift``, saturated to the activation range (half rounds up)."""
    scaled = (sums * requantization.multiplier + (1 << (requantization.shift - 1))) >> requantization.shift
    low, high = (0, (1 << act_bits) - 1) if relu else (-(1 << (act_bits - 1)), (1 << (act_bits - 1)) - 1)
    activations: NDArray[np.int16] = np.clip(scaled, low, high).astype(np.int16)
    return activations


def run_layer(layer: CompressedLayer, activations_nchw: NDArray[np.uint8], pooled: bool = False) -> NDArray[np.int16]:
    """(N, K, H_out, W_out): the array's results, after pooling if ``pooled``, else before it."""
    if activations_nchw.ndim != 4 or activations_nchw.shape[1:] != layer.input_shape:
        raise CodesignError(
            f"layer {layer.name!r} reads (N, *{layer.input_shape}), not {activations_nchw.shape}",
            "give the activations of the layer before",
        )
    results = requantize(accumulate(layer, activations_nchw), layer.requantization, layer.act_bits, layer.relu)
    return results if layer.pool is None or not pooled else pool(results, layer.pool)


def pool(activations_nchw: NDArray[np.int16], how: Pool) -> NDArray[np.int16]:
    """Pool without padding; an average rounds half up: floor((2 * sum + count) / (2 * count))."""
    height, width = how.output_size(*activations_nchw.shape[2:])
    windows = np.lib.stride_tricks.sliding_window_view(activations_nchw, how.kernel, axis=(2, 3))
    windows = windows[:, :, :: how.stride[0], :: how.stride[1]][:, :, :height, :width]
    pooled: NDArray[np.int16]
    if how.kind is PoolKind.MAX:
        pooled = reduce(np.maximum, (windows[..., row, column] for row, column in np.ndindex(how.kernel)))
    else:
        count = how.kernel[0] * how.kernel[1]
        pooled = ((2 * windows.sum(axis=(4, 5), dtype=np.int64) + count) // (2 * count)).astype(np.int16)
    return pooled


def layer_inputs(model: CompressedModel, activations_nchw: NDArray[np.uint8]) -> list[NDArray[np.int16]]:
    """What each layer reads, then the network's answer."""
    values: list[NDArray[np.int16]] = [activations_nchw.astype(np.int16)]
    for layer in model.layers:
        current = values[-1]
        if layer.kind is LayerKind.LINEAR:
            current = current.reshape(len(current), -1, 1, 1)
            values[-1] = current
        values.append(run_layer(layer, current.astype(np.uint8), pooled=True))
    return values


def run_model(model: CompressedModel, activations_nchw: NDArray[np.uint8]) -> NDArray[np.int16]:
    """(N, classes, ...): the integer network's answer to quantized inputs."""
    return layer_inputs(model, activations_nchw)[-1]


def quantize_input(model: CompressedModel, images_nchw: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Real images to the first layer's activations, rounded half to even, clipped to its range, and flattened if it is
    a linear layer.
    """
    first = model.layers[0]
    scaled = np.rint(images_nchw / first.input_scale).reshape(len(images_nchw), *first.input_shape)
    activations: NDArray[np.uint8] = np.clip(scaled, 0, (1 << first.act_bits) - 1).astype(np.uint8)
    return activations
