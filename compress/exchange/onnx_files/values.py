"""What the tensors of an ONNX graph hold while it is read: codes, weights, or numbers that are still to be rounded."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compress.model.activation import Activation
from compress.model.layer import LayerKind
from compress.model.ops.op import Op

__all__ = ["Average", "Coded", "Images", "LayerSums", "Sums", "Table", "Value", "Weights"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Images:
    """The graph's input before its quantizer."""

    shape: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Coded:
    """The result of a node of the integer model."""

    node: str
    type: Activation


@dataclass(frozen=True, eq=False)
class Weights:
    """A quantized constant: ``levels * scale``; the scale is one number, or has as many axes as the levels."""

    levels: NDArray[np.int64]
    scale: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Table:
    """A function of codes: the real number for each of them."""

    operand: Coded
    values: Floats


@dataclass(frozen=True, eq=False)
class LayerSums:
    """A layer's sums before the quantizer: ``factor_k * sum + bias_k`` of levels times input codes' real numbers.

    ``geometry`` are the members of ``CompressedLayer`` that say stride, padding, dilation and groups.
    """

    name: str
    operand: Coded
    kind: LayerKind
    levels: NDArray[np.int64]
    factors: NDArray[np.float64]
    bias: NDArray[np.float64]
    geometry: dict[str, Any] = field(default_factory=dict)
    relu: bool = False

    def scaled(self, factors: NDArray[np.float64], constants: NDArray[np.float64]) -> LayerSums:
        """Times factors, plus constants, of one number or one a filter."""
        return replace(self, factors=self.factors * factors, bias=self.bias * factors + constants)


@dataclass(frozen=True, eq=False)
class Sums:
    """An operation of torch's name on codes, before its quantizer."""

    target: str
    operands: tuple[Coded, ...]
    arguments: dict[str, Any]
    shape: tuple[int, ...]
    relu: bool = False


@dataclass(frozen=True, eq=False)
class Average:
    """An average of codes before its quantizer, which must be that of the codes."""

    op: Op
    operand: Coded


Value = Images | Coded | Weights | Table | LayerSums | Sums | Average | NDArray[Any]
