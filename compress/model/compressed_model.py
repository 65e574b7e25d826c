"""A whole compressed network: a directed graph of integer operations, and where it came from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

from compress.base.errors import CodesignError
from compress.model.activation import Activation
from compress.model.layer import CompressedLayer, LayerKind
from compress.model.ops.op import Op
from compress.model.ops.reshape import Reshape

__all__ = ["INPUT", "CompressedModel", "Node"]

INPUT = "input"
"""What nodes call the images."""


@dataclass(frozen=True, eq=False)
class Node:
    """One operation of the graph and what it reads.

    Members
    -------
    name : str
        Unique in the model; a layer's own name.
    op : CompressedLayer or Op
    inputs : tuple of str
        Earlier nodes, or ``INPUT``.
    """

    name: str
    op: CompressedLayer | Op
    inputs: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class CompressedModel:
    """Integer operations that feed each other.

    Members
    -------
    input : Activation
        The type of an image.
    nodes : tuple of Node
        Each reads only nodes before it.
    answer : str
        The node whose result is the network's.
    provenance : dict
        JSON values: network, data, seed, accuracies, versions, command.
    """

    input: Activation
    nodes: tuple[Node, ...]
    answer: str
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [INPUT, *(node.name for node in self.nodes)]
        if len(set(names)) != len(names):
            raise CodesignError(f"node names repeat: {', '.join(names)}", "give each node a name of its own")
        if self.answer not in names:
            raise CodesignError(f"the model has no node {self.answer!r} to answer", f"use one of: {', '.join(names)}")
        if not self.layers:
            raise CodesignError("a compressed model needs at least one layer", "compress a network first")
        self._check_readers()
        _ = self.activations

    @classmethod
    def chain(cls, layers: tuple[CompressedLayer, ...], provenance: dict[str, Any] | None = None) -> Self:
        """Layers that feed each other; a map flattens, in C order, into a linear layer."""
        if not layers:
            raise CodesignError("a compressed model needs at least one layer", "compress a network first")
        nodes: list[Node] = []
        before, shape = INPUT, layers[0].reads
        first = layers[0]
        for layer in layers:
            if layer.kind is LayerKind.LINEAR and len(shape) > 1:
                flatten = Node(f"{layer.name}.flatten", Reshape((math.prod(shape),)), (before,))
                nodes.append(flatten)
                before = flatten.name
            nodes.append(Node(layer.name, layer, (before,)))
            before, shape = layer.name, layer.gives
        image = Activation(first.reads, first.act_bits, first.input_scale, first.input_zero_point)
        return cls(image, tuple(nodes), before, provenance or {})

    @cached_property
    def layers(self) -> tuple[CompressedLayer, ...]:
        """The convolutions and linear layers, in running order."""
        return tuple(node.op for node in self.nodes if isinstance(node.op, CompressedLayer))

    @cached_property
    def activations(self) -> dict[str, Activation]:
        """The type of every node's result, and of ``INPUT``."""
        types = {INPUT: self.input}
        for node in self.nodes:
            missing = [name for name in node.inputs if name not in types]
            if missing or not node.inputs:
                reads = repr(missing[0]) if missing else "nothing"
                raise CodesignError(f"{node.name!r} reads {reads}, which is no node before it", "order the graph")
            operands = tuple(types[name] for name in node.inputs)
            try:
                types[node.name] = node.op.output(operands)
            except CodesignError as error:
                cause = error.cause if repr(node.name) in error.cause else f"{node.name!r}: {error.cause}"
                raise CodesignError(cause, error.next_step) from None
        return types

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(C, H, W) of one image, or (C,) of a vector."""
        return self.input.shape

    @property
    def output(self) -> Activation:
        """The type of the network's answer."""
        return self.activations[self.answer]

    def layer(self, name: str) -> CompressedLayer:
        """The layer of that name."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        names = ", ".join(layer.name for layer in self.layers)
        raise CodesignError(f"the model has no layer {name!r}", f"use one of: {names}")

    def readers(self, name: str) -> tuple[Node, ...]:
        """The nodes that read a node's result."""
        return tuple(node for node in self.nodes if name in node.inputs)

    def _check_readers(self) -> None:
        read = {name for node in self.nodes for name in node.inputs}
        for node in self.nodes:
            if isinstance(node.op, CompressedLayer) and node.name != node.op.name:
                raise CodesignError(f"node {node.name!r} has the layer {node.op.name!r}", "give both one name")
            if node.name not in read and node.name != self.answer:
                raise CodesignError(f"nothing reads {node.name!r}", "leave it out")
