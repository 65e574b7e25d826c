"""The integer answer: what the array must produce, bit by bit."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from compress.model.activation import Codes
from compress.model.compressed_model import INPUT, CompressedModel, Node
from compress.model.layer import CompressedLayer
from compress.model.ops.op import Op
from compress.model.pool import Pool, PoolKind
from compress.model.requantization import Requantization
from sim.golden.blas import for_all
from sim.golden.convolution import Convolution
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
    """(N, K, H_out, W_out): bias plus the sum of level * activation."""
    sums = np.empty((len(activations_nchw), *layer.conv_shape), np.int64)
    convolution = Convolution.of(layer, activations_nchw)

    def work(images: slice) -> None:
        sums[images] = convolution.sums(activations_nchw[images]).transpose(1, 0, 2, 3)

    for_all(work, convolution.chunks(len(activations_nchw)))
    sums += layer.bias[:, None, None]
    return sums


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


def requantize(
    sums: NDArray[np.int32 | np.int64], requantization: Requantization, act_bits: int, relu: bool
) -> NDArray[np.int16]:
    """``(sums * multiplier + 2**(shift-1)) >> shift``, saturated to the activation range (half rounds up)."""
    scaled = requantization.scaled(sums)
    low, high = (0, (1 << act_bits) - 1) if relu else (-(1 << (act_bits - 1)), (1 << (act_bits - 1)) - 1)
    return np.clip(scaled, low, high, out=scaled).astype(np.int16)


def run_layer(layer: CompressedLayer, activations_nchw: NDArray[np.uint8], pooled: bool = False) -> NDArray[np.int16]:
    """(N, K, H_out, W_out): the array's results, after pooling if ``pooled``, else before it."""
    if activations_nchw.ndim != 4 or activations_nchw.shape[1:] != layer.input_shape:
        raise CodesignError(
            f"layer {layer.name!r} reads (N, *{layer.input_shape}), not {activations_nchw.shape}",
            "give the activations of the layer before",
        )
    results = np.empty((len(activations_nchw), *layer.conv_shape), np.int16)
    convolution = Convolution.of(layer, activations_nchw)
    integers, bias = _integers(convolution), layer.bias[:, None, None, None]

    def work(images: slice) -> None:
        sums = convolution.sums(activations_nchw[images]).astype(integers)
        sums += bias
        codes = requantize(sums, layer.requantization, layer.act_bits, layer.relu)
        results[images] = codes.transpose(1, 0, 2, 3)

    for_all(work, convolution.chunks(len(activations_nchw)))
    return results if layer.pool is None or not pooled else pool(results, layer.pool)


def _integers(convolution: Convolution) -> np.dtype[np.int32 | np.int64]:
    """The smallest integers that hold whatever a requantization computes: processors have more lanes for them."""
    layer = convolution.layer
    largest = convolution.largest + int(np.abs(layer.bias, dtype=np.int64).max())
    product = largest * layer.requantization.multiplier + (1 << (layer.requantization.shift - 1))
    return np.dtype(np.int32 if product < 1 << 31 else np.int64)


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
