"""What a model's file says in words: the graph, and every member of every node but the layers' arrays."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Self

from pydantic import Field, JsonValue, ValidationError

from compress.base.errors import CodesignError
from compress.model.activation import Activation
from compress.model.compressed_model import CompressedModel, Node
from compress.model.description_faults import names_in, told
from compress.model.layer import CompressedLayer
from compress.model.layer_description import Integer, LayerDescription, LayerMembers, Part
from compress.model.op_description import AnyKind, OpDescription, members_of
from compress.model.ops.op import Op

__all__ = ["ModelDescription", "NodeDescription"]

Name = Annotated[str, Field(min_length=1)]


class ActivationDescription(Part):
    """An ``Activation``."""

    shape: tuple[Integer, ...]
    bits: Integer
    scale: float
    zero_point: Integer
    signed: bool


class NodeDescription(Part):
    """A ``Node``; a layer's name is its node's."""

    name: Name
    inputs: tuple[str, ...]
    op: Annotated[LayerDescription | OpDescription, AnyKind()]


class ModelDescription(Part):
    """A ``CompressedModel`` without its arrays."""

    input: ActivationDescription
    nodes: Annotated[tuple[NodeDescription, ...], Field(min_length=1)]
    answer: str
    provenance: dict[str, JsonValue]

    @classmethod
    def of(cls, model: CompressedModel) -> Self:
        """Describe a model; ValueError with node and member of the first one that has another type."""
        nodes = tuple({"name": node.name, "inputs": node.inputs, "op": members_of(node.op)} for node in model.nodes)
        members = {"input": model.input, "nodes": nodes, "answer": model.answer, "provenance": model.provenance}
        try:
            return cls.model_validate(members)
        except ValidationError as error:
            raise ValueError(told(error, "nodes", [node.name for node in model.nodes])) from None

    def to_json(self) -> str:
        """One text for one model; ValueError for an infinite number or NaN in the provenance."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The inverse of ``to_json``; ValueError with node and member at fault."""
        try:
            description = cls.model_validate_json(text)
        except ValidationError as error:
            raise ValueError(told(error, "nodes", names_in(text, "nodes"))) from None
        description.to_json()
        return description

    @property
    def layers(self) -> Mapping[str, LayerMembers]:
        """The layers by name, in running order."""
        return {node.name: node.op for node in self.nodes if isinstance(node.op, LayerDescription)}

    def model(self, layers: Iterable[CompressedLayer]) -> CompressedModel:
        """The graph with its layers; CodesignError if a range is exceeded or nodes do not fit each other."""
        by_name: dict[str, CompressedLayer | Op] = {layer.name: layer for layer in layers}
        nodes = tuple(
            Node(node.name, by_name[node.name] if node.name in by_name else _op(node), node.inputs)
            for node in self.nodes
        )
        return CompressedModel(Activation(**dict(self.input)), nodes, self.answer, self.provenance)


def _op(node: NodeDescription) -> Op:
    assert isinstance(node.op, OpDescription)
    try:
        return node.op.op()
    except CodesignError as error:
        raise CodesignError(f"node {node.name!r}: {error.cause}", error.next_step) from None
