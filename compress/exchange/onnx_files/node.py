"""One node of an ONNX graph that is being read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from compress.exchange.onnx_files.values import Coded, Value

__all__ = ["NO_QUANTIZER", "OnnxNode"]

NO_QUANTIZER = "put an IntQuant behind each operation that computes, before training (as Brevitas does)"


@dataclass(frozen=True, eq=False)
class OnnxNode:
    """A node with the values of its inputs.

    Members
    -------
    name : str
        What the integer model calls it, and errors.
    inputs : tuple of Value or None
        None for an optional one that is left out.
    attributes : dict
        As Python values.
    """

    name: str
    op_type: str
    inputs: tuple[Value | None, ...]
    attributes: dict[str, Any]

    def refuse(self, cause: str, next_step: str) -> CodesignError:
        """The error that names this node."""
        return CodesignError(f"{self.name!r} ({self.op_type}) {cause}", next_step)

    def constant(self, place: int) -> NDArray[Any]:
        """The constant at an input; CodesignError if it is none."""
        value = self.inputs[place] if place < len(self.inputs) else None
        if value is None:
            raise self.refuse(f"lacks its input {place + 1}", "convert an older file with onnx.version_converter")
        if not isinstance(value, np.ndarray):
            raise self.refuse(f"computes its input {place + 1}, which must be a constant", "export a static graph")
        return value

    def optional(self, place: int, default: NDArray[Any] | None = None) -> NDArray[Any] | None:
        """The constant at an input, or a default if it is left out."""
        return self.constant(place) if place < len(self.inputs) and self.inputs[place] is not None else default

    def coded(self, place: int = 0) -> Coded:
        """The codes at an input; CodesignError if it is not quantized."""
        value = self.inputs[place] if place < len(self.inputs) else None
        if not isinstance(value, Coded):
            raise self.refuse(f"reads numbers at input {place + 1} that have no quantizer", NO_QUANTIZER)
        return value

    def integers(self, name: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """An attribute of whole numbers."""
        return tuple(int(number) for number in self.attributes.get(name, default))

    def only(self, **allowed: tuple[Any, ...]) -> None:
        """CodesignError if an attribute has another value than those allowed."""
        for name, values in allowed.items():
            value = self.attributes.get(name, values[0])
            if value not in values:
                raise self.refuse(f"has {name} = {value!r}", f"use {name} = {values[0]!r}")
