"""Nodes on constants: quantized weights, and what only moves them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compress.exchange.onnx_files.node import OnnxNode
from compress.exchange.onnx_files.quantizer_nodes import Quantizer
from compress.exchange.onnx_files.reader import array_of
from compress.exchange.onnx_files.values import Value, Weights

__all__ = ["CONSTANT_NODES", "constant", "quantized_constant"]


def quantized_constant(node: OnnxNode, numbers: NDArray[Any], quantizer: Quantizer) -> Weights:
    """The integers of a constant, less the zero point, and their scale."""
    scale = quantizer.scale.astype(np.float64)
    if scale.size == 1:
        scale = scale.reshape(())
    elif scale.ndim != numbers.ndim or np.broadcast_shapes(scale.shape, numbers.shape) != numbers.shape:
        raise node.refuse(
            f"has scales of the shape {scale.shape} for {numbers.shape}", "use one scale, or one a filter"
        )
    if not 1 <= quantizer.bits <= 32:
        raise node.refuse(f"has {quantizer.bits} bits", "use 1 to 32 bits")
    real = np.asarray(numbers, np.float32)
    if not np.isfinite(real).all():
        raise node.refuse("quantizes numbers that are infinite or NaN", "train the network again")
    return Weights(quantizer.integers(real) - quantizer.zero_point, scale)


def _reshape(node: OnnxNode) -> Value:
    return _moved(node, lambda array: array.reshape(tuple(node.constant(1).reshape(-1).tolist())))


def _transpose(node: OnnxNode) -> Value:
    order = node.integers("perm", ())
    return _moved(node, lambda array: array.transpose(order or None))


def _moved(node: OnnxNode, move: Callable[[NDArray[Any]], NDArray[Any]]) -> Value:
    value = node.inputs[0]
    if isinstance(value, Weights):
        if value.scale.ndim and node.op_type == "Reshape":
            raise node.refuse("reshapes weights with many scales", "reshape them before they are quantized")
        return Weights(move(value.levels), move(value.scale) if value.scale.ndim else value.scale)
    return move(node.constant(0))


def constant(node: OnnxNode) -> NDArray[Any]:
    """The numbers of a node ``Constant``."""
    attributes = node.attributes
    if "value" in attributes:
        return array_of(attributes["value"])
    kinds = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
    for name, kind in kinds.items():
        if name in attributes:
            return np.asarray(attributes[name], kind)
    raise node.refuse("is no number", "use numbers")


CONSTANT_NODES: Mapping[str, Callable[[OnnxNode], Value]] = {
    "Constant": constant,
    "Reshape": _reshape,
    "Transpose": _transpose,
}
