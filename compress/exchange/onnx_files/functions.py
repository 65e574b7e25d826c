"""Functions of one number, in single precision as QONNX computes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from compress.exchange.onnx_files.node import OnnxNode

__all__ = ["FUNCTIONS", "arithmetic"]

Floats = NDArray[np.float32]
Function = Callable[[OnnxNode, Floats], Floats]


def _sigmoid(node: OnnxNode, x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)), np.float32)


def _clip(node: OnnxNode, x: Floats) -> Floats:
    limits = np.array([node.attributes.get("min", -np.inf), node.attributes.get("max", np.inf)])
    lowest, highest = (node.optional(place, limits[place - 1 : place]) for place in (1, 2))
    return np.asarray(np.clip(x, np.reshape(lowest, -1)[0], np.reshape(highest, -1)[0]), np.float32)  # type: ignore[arg-type]


def _leaky(node: OnnxNode, x: Floats) -> Floats:
    return np.asarray(np.where(x < 0, x * np.float32(node.attributes.get("alpha", 0.01)), x), np.float32)


def _hard_sigmoid(node: OnnxNode, x: Floats) -> Floats:
    slope, middle = (np.float32(node.attributes.get(name, value)) for name, value in (("alpha", 0.2), ("beta", 0.5)))
    return np.asarray(np.clip(slope * x + middle, 0, 1), np.float32)


def _hard_swish(node: OnnxNode, x: Floats) -> Floats:
    return np.asarray(x * np.clip(x / np.float32(6) + np.float32(0.5), 0, 1), np.float32)


FUNCTIONS: Mapping[str, Function] = {
    "Abs": lambda node, x: np.abs(x),
    "Clip": _clip,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_swish,
    "LeakyRelu": _leaky,
    "Neg": lambda node, x: -x,
    "Relu": lambda node, x: np.maximum(x, np.float32(0)),
    "Sigmoid": _sigmoid,
    "Tanh": lambda node, x: np.tanh(x),
}
"""By ONNX's operator."""


def arithmetic(node: OnnxNode, x: Floats, number: np.float32, first: bool) -> Floats:
    """A number added, subtracted, multiplied or divided; ``first`` if ``x`` is the first operand."""
    match node.op_type:
        case "Add":
            return x + number
        case "Mul":
            return x * number
        case "Sub":
            return x - number if first else number - x
        case _:
            return x / number if first else number / x
