"""ONNX's layers, and what is folded into their sums: batch norms, biases, factors and ReLUs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from compress.exchange.onnx_files.node import OnnxNode
from compress.exchange.onnx_files.values import LayerSums, Weights
from compress.model.layer import LayerKind

__all__ = ["batch_norm", "conv", "folded_arithmetic", "gemm", "matmul", "norm_of"]

QUANTIZE_WEIGHTS = "quantize the weights: put an IntQuant or BipolarQuant behind them"


def conv(node: OnnxNode) -> LayerSums:
    """A convolution of codes with quantized weights."""
    node.only(auto_pad=("NOTSET", "VALID"))
    weights = _weights(node, 1)
    levels = weights.levels
    if levels.ndim != 4:
        raise node.refuse(f"has weights of the shape {levels.shape}", "use convolutions over rows and columns")
    pads = node.integers("pads", (0, 0, 0, 0))
    stride, dilation = node.integers("strides", (1, 1)), node.integers("dilations", (1, 1))
    if len(pads) != 4 or len(stride) != 2 or len(dilation) != 2:
        raise node.refuse(f"has pads {pads}, strides {stride} and dilations {dilation}", "give rows and columns")
    if node.integers("kernel_shape", levels.shape[2:]) != levels.shape[2:]:
        raise node.refuse(f"has weights of the shape {levels.shape} for another kernel_shape", "export it again")
    geometry: dict[str, Any] = {
        "stride": stride,
        "dilation": dilation,
        "padding": pads[:2],
        "padding_end": None if pads[:2] == pads[2:] else pads[2:],
        "groups": int(node.attributes.get("group", 1)),
    }
    return _sums(node, LayerKind.CONV2D, weights, levels, geometry)


def gemm(node: OnnxNode) -> LayerSums:
    """A linear layer."""
    node.only(alpha=(1.0,), beta=(1.0,), transA=(0,))
    weights = _weights(node, 1)
    return _linear(node, weights if node.attributes.get("transB", 0) else _transposed(node, weights))


def matmul(node: OnnxNode) -> LayerSums:
    """A linear layer without a bias: codes times weights (C, K)."""
    return _linear(node, _transposed(node, _weights(node, 1)))


def batch_norm(node: OnnxNode, sums: LayerSums) -> LayerSums:
    """The norm of inference behind a layer."""
    factors, constants = norm_of(node)
    return sums.scaled(_each(node, factors, len(sums.levels)), _each(node, constants, len(sums.levels)))


def norm_of(node: OnnxNode) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(C,) factors and constants of a batch norm."""
    node.only(training_mode=(0,))
    gamma, beta, mean, variance = (np.asarray(node.constant(place), np.float64).reshape(-1) for place in range(1, 5))
    epsilon = float(node.attributes.get("epsilon", 1e-5))
    factors = gamma / np.sqrt(variance + epsilon)
    return factors, beta - mean * factors


def folded_arithmetic(node: OnnxNode, sums: LayerSums, constant: NDArray[Any]) -> LayerSums:
    """A constant added to a layer's sums, subtracted, multiplied or divided: one number, or one a channel."""
    if sums.relu:
        raise node.refuse("computes behind a ReLU without a quantizer between", "put an IntQuant behind the ReLU")
    axes = 3 if sums.kind is LayerKind.CONV2D else 1
    numbers = np.asarray(constant, np.float64)
    channel_axis = numbers.ndim - axes
    a_channel = channel_axis >= 0 and numbers.shape[channel_axis] == numbers.size
    if channel_axis > 1 or (numbers.size > 1 and not a_channel):
        raise node.refuse(f"has a constant of the shape {numbers.shape}", "use one number, or one a channel")
    each, one = _each(node, numbers.reshape(-1), len(sums.levels)), np.ones(len(sums.levels))
    match node.op_type:
        case "Add":
            return sums.scaled(one, each)
        case "Sub" if isinstance(node.inputs[0], LayerSums):
            return sums.scaled(one, -each)
        case "Sub":
            return sums.scaled(-one, each)
        case "Mul":
            return sums.scaled(each, 0 * one)
        case "Div" if isinstance(node.inputs[0], LayerSums):
            return sums.scaled(one / each, 0 * one)
    raise node.refuse("divides by a layer's result", "leave it out")


def _weights(node: OnnxNode, place: int) -> Weights:
    value = node.inputs[place] if place < len(node.inputs) else None
    if not isinstance(value, Weights):
        raise node.refuse("has weights without a quantizer", QUANTIZE_WEIGHTS)
    return value


def _transposed(node: OnnxNode, weights: Weights) -> Weights:
    if weights.levels.ndim != 2:
        raise node.refuse(f"has weights of the shape {weights.levels.shape}", "use a matrix")
    return Weights(weights.levels.T, weights.scale.T)


def _linear(node: OnnxNode, weights: Weights) -> LayerSums:
    if weights.levels.ndim != 2:
        raise node.refuse(f"has weights of the shape {weights.levels.shape}", "use a matrix")
    if len(node.coded().type.shape) != 1:
        raise node.refuse(f"reads {node.coded().type.shape}", "flatten its input to (batch, features)")
    return _sums(node, LayerKind.LINEAR, weights, weights.levels[:, :, None, None], {})


def _sums(
    node: OnnxNode, kind: LayerKind, weights: Weights, levels: NDArray[np.int64], geometry: dict[str, Any]
) -> LayerSums:
    filters = len(levels)
    if not levels.size:
        raise node.refuse("has no weights", "leave it out")
    scales = weights.scale.shape
    if scales and scales[0] != weights.scale.size:
        raise node.refuse(f"has weights with scales of the shape {scales}", "use one scale, or one a filter")
    factors = _each(node, weights.scale.reshape(-1), filters)
    bias = np.zeros(filters) if len(node.inputs) < 3 or node.inputs[2] is None else _bias(node)
    return LayerSums(node.name, node.coded(), kind, levels, factors, _each(node, bias, filters), geometry)


def _bias(node: OnnxNode) -> NDArray[np.float64]:
    value = node.inputs[2]
    if isinstance(value, Weights):
        return np.asarray(value.levels * value.scale, np.float64).reshape(-1)
    return np.asarray(node.constant(2), np.float64).reshape(-1)


def _each(node: OnnxNode, numbers: NDArray[np.float64], channels: int) -> NDArray[np.float64]:
    """(K,) of one number, or of one a channel."""
    if numbers.size not in (1, channels):
        raise node.refuse(f"has {numbers.size} numbers for {channels} channels", "give one a channel")
    return np.broadcast_to(numbers, channels).astype(np.float64)
