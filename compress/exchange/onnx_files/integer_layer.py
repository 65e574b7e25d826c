"""A convolution or linear layer as ONNX nodes on codes."""

from __future__ import annotations

import numpy as np

from compress.exchange.onnx_files.addresses import pad_sides
from compress.exchange.onnx_files.exact_integers import as_integers, exact_parts, requantize
from compress.exchange.onnx_files.graph_builder import GraphBuilder
from compress.exchange.onnx_files.integer_operations import INTEGER_OPERATIONS, across
from compress.exchange.onnx_files.operands import Operands
from compress.model.activation import Activation
from compress.model.layer import CompressedLayer, LayerKind
from compress.model.ops.average_pool import AveragePool
from compress.model.ops.max_pool import MaxPool
from compress.model.pool import Pool, PoolKind

__all__ = ["integer_layer"]


def integer_layer(graph: GraphBuilder, layer: CompressedLayer, codes: str) -> str:
    """Conv or Gemm on float32 codes, which is exact, then the golden model's requantization and pooling in int64."""
    sums = _sums(graph, layer, codes)
    scale = layer.requantization
    products = graph.node("Mul", sums, graph.constant("multiplier", np.int64(scale.multiplier)))
    bias = across(layer.bias.astype(np.int64) * scale.multiplier, len(layer.gives))
    result = requantize(graph, products, bias, scale.shift, *layer.code_range)
    return result if layer.pool is None else _pool(graph, layer, layer.pool, result)


def _sums(graph: GraphBuilder, layer: CompressedLayer, codes: str) -> str:
    """int64 sums of products, without the bias."""
    ends = layer.padding if layer.padding_end is None else layer.padding_end
    levels = layer.levels.reshape(layer.levels.shape[:2]) if layer.kind is LayerKind.LINEAR else layer.levels
    padded = pad_sides(graph, codes, (0, *layer.padding), (0, *ends), layer.input_zero_point)
    parts = [
        as_integers(graph, _products(graph, layer, padded, graph.constant("levels", part)))
        for part in exact_parts(levels, (1 << layer.act_bits) - 1)
    ]
    sums = parts[0]
    for further in parts[1:]:
        sums = graph.node("Add", sums, further)
    return sums


def _products(graph: GraphBuilder, layer: CompressedLayer, codes: str, levels: str) -> str:
    if layer.kind is LayerKind.LINEAR:
        return graph.node("Gemm", codes, levels, transB=1)
    return graph.node(
        "Conv",
        codes,
        levels,
        kernel_shape=layer.levels.shape[2:],
        strides=layer.stride,
        dilations=layer.dilation,
        group=layer.groups,
    )


def _pool(graph: GraphBuilder, layer: CompressedLayer, pool: Pool, codes: str) -> str:
    """A layer's pooling is that of the operations, without padding."""
    kind = MaxPool if pool.kind is PoolKind.MAX else AveragePool
    unpooled = Activation(layer.conv_shape, layer.act_bits, layer.output_scale, signed=not layer.relu)
    return INTEGER_OPERATIONS[kind.KIND](graph, kind(pool.kernel, pool.stride), Operands((codes,), (unpooled,), 0))
