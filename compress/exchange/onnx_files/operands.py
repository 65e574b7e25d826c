"""What a translation of an operation reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from compress.exchange.onnx_files.graph_builder import GraphBuilder
from compress.model.activation import Activation

__all__ = ["Operands", "Translations"]


@dataclass(frozen=True)
class Operands:
    """The tensors that hold an operation's operands.

    Members
    -------
    names : tuple of str
        In the ONNX graph.
    types : tuple of Activation
        Of the codes that they hold or stand for.
    zero : float
        What holds a real 0 in the first operand.
    """

    names: tuple[str, ...]
    types: tuple[Activation, ...]
    zero: float

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a sample of the first operand."""
        return self.types[0].shape


Translations = Mapping[str, Callable[[GraphBuilder, Any, Operands], str]]
"""By ``Op.KIND``: adds an operation's nodes to a graph and names the tensor of its result."""
