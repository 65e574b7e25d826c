"""The integer answer: what the array must produce, bit by bit."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from compress.model.activation import Codes
from compress.model.compressed_model import INPUT, CompressedModel, Node
from compress.model.layer import CompressedLayer, Pool, PoolKind, Requantization
from compress.model.ops.op import Op
from sim.golden.lifetimes import last_read

__all__ = [
    "accumulate",
    "accumulator_bits",
    "accumulator_range",
    "layer_inputs",
    "node_values",
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
    borders = tuple(zip(layer.padding, layer.padding_end or layer.padding, strict=True))
    padded = np.pad(activations_nchw.astype(exact), ((0, 0), (0, 0), *borders), constant_values=layer.input_zero_point)
    step_y, step_x = layer.dilation
    spread = (step_y * (kernel_rows - 1) + 1, step_x * (kernel_columns - 1) + 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, spread, axis=(2, 3))
    windows = windows[:, :, :: layer.stride[0], :: layer.stride[1], ::step_y, ::step_x]
    windows = windows[:, :, :height, :width]
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
    largest = max(int(activations_nchw.max(initial=0)), -int(activations_nchw.min(initial=0)), layer.input_zero_point)
    magnitudes = np.abs(layer.levels.reshape(len(layer.levels), -1).astype(np.int64)).sum(axis=1)
    return np.float32 if largest * int(magnitudes.max()) <= 1 << 24 else np.float64


def accumulator_range(layer: CompressedLayer) -> tuple[int, int]:
    """Smallest and largest value any partial sum of any filter can take, whatever the activations and the order.

    Sums start at the bias, as the array's do. Padding is among the activations.
    """
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
    scaled = requantization.scaled(sums)
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


def node_values(
    model: CompressedModel, activations_nchw: NDArray[np.integer]
) -> Iterator[tuple[Node, list[Codes], Codes]]:
    """The golden answer of every node of the graph, in its order, with the operands (N, ...).

    No value is kept here after its last reader.
    """
    values: dict[str, Codes] = {INPUT: activations_nchw.astype(np.int16)}
    for node, done in zip(model.nodes, last_read(model).values(), strict=True):
        operands = [values[name] for name in node.inputs]
        values[node.name] = _run_node(node.op, operands)
        yield node, operands, values[node.name]
        for name in done:
            del values[name]


def _run_node(op: CompressedLayer | Op, operands: list[Codes]) -> Codes:
    if not isinstance(op, CompressedLayer):
        return op.run(*operands)
    (codes,) = operands
    return run_layer(op, _as_map(op, codes), pooled=True).reshape(len(codes), *op.gives)


def _as_map(layer: CompressedLayer, codes: Codes) -> NDArray[np.uint8]:
    """(N, C, H, W) as the array reads it: a vector is (C, 1, 1)."""
    return codes.reshape(len(codes), *layer.input_shape).astype(np.uint8)


def layer_inputs(model: CompressedModel, activations_nchw: NDArray[np.integer]) -> dict[str, NDArray[np.uint8]]:
    """(N, C, H, W) codes that each layer reads, by the layer's name."""
    return {
        node.name: _as_map(node.op, operands[0])
        for node, operands, _ in node_values(model, activations_nchw)
        if isinstance(node.op, CompressedLayer)
    }


def run_model(model: CompressedModel, activations_nchw: NDArray[np.integer]) -> Codes:
    """(N, ...) codes of the integer network's answer to quantized inputs."""
    values = node_values(model, activations_nchw)
    return next(codes for node, _, codes in values if node.name == model.answer)


def quantize_input(model: CompressedModel, images_nchw: NDArray[np.float32]) -> Codes:
    """Real images to codes (N, *model.input_shape), rounded half to even and saturated."""
    return model.input.encode(images_nchw.reshape(len(images_nchw), *model.input_shape))
