"""A convolution or linear layer on real numbers between QONNX's quantizers."""

from __future__ import annotations

import numpy as np

from compress.exchange.onnx_files.graph_builder import GraphBuilder
from compress.exchange.onnx_files.operands import Operands
from compress.exchange.onnx_files.quantizers import quantize, quantize_weights
from compress.exchange.onnx_files.real_operations import REAL_OPERATIONS, times
from compress.exchange.state_dict import real_bias
from compress.model.activation import Activation
from compress.model.layer import CompressedLayer, LayerKind
from compress.model.ops.average_pool import AveragePool
from compress.model.ops.max_pool import MaxPool
from compress.model.pool import PoolKind
from compress.model.requantization import Requantization

__all__ = ["real_layer"]


def real_layer(graph: GraphBuilder, layer: CompressedLayer, real: str) -> str:
    """Conv or Gemm with quantized weights, ReLU where it has one, quantizer, and pooling with another one."""
    result = times(graph, _products(graph, layer, real), _factor(layer))
    if layer.relu and not layer.output_zero_point:
        result = graph.node("Relu", result)
    given = Activation(
        layer.conv_shape, layer.act_bits, layer.output_scale, layer.output_zero_point, signed=not layer.relu
    )
    codes = quantize(graph, result, given)
    if layer.pool is None:
        return codes
    operands = Operands((codes,), (given,), 0)
    if layer.pool.kind is PoolKind.MAX:
        return REAL_OPERATIONS[MaxPool.KIND](graph, MaxPool(layer.pool.kernel, layer.pool.stride), operands)
    average = AveragePool(layer.pool.kernel, layer.pool.stride, zero_point=layer.output_zero_point)
    return quantize(graph, REAL_OPERATIONS[AveragePool.KIND](graph, average, operands), given)


def _factor(layer: CompressedLayer) -> float:
    """1 where the requantization is the closest to the scales, as in all models of ours."""
    wanted = layer.interval * layer.input_scale / layer.output_scale
    scale = layer.requantization
    if 0 < wanted < 1 << 7 and scale == Requantization.from_scale(wanted):
        return 1.0
    return scale.multiplier / 2.0**scale.shift / wanted


def _products(graph: GraphBuilder, layer: CompressedLayer, real: str) -> str:
    levels = layer.levels.reshape(layer.levels.shape[:2]) if layer.kind is LayerKind.LINEAR else layer.levels
    weights = quantize_weights(graph, levels, layer.interval)
    bias = graph.constant("bias", real_bias(layer).astype(np.float32))
    if layer.kind is LayerKind.LINEAR:
        return graph.node("Gemm", real, weights, bias, transB=1)
    ends = layer.padding if layer.padding_end is None else layer.padding_end
    return graph.node(
        "Conv",
        real,
        weights,
        bias,
        kernel_shape=layer.levels.shape[2:],
        strides=layer.stride,
        pads=[*layer.padding, *ends],
        dilations=layer.dilation,
        group=layer.groups,
    )
