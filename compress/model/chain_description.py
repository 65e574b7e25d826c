"""Version 1 of the model's file, which is only read: a chain of layers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Self

from pydantic import Field, JsonValue, ValidationError

from compress.model.compressed_model import CompressedModel
from compress.model.description_faults import names_in, told
from compress.model.layer import CompressedLayer
from compress.model.layer_description import LayerMembers, Part

__all__ = ["ChainDescription"]


class _NamedLayer(LayerMembers):
    name: Annotated[str, Field(min_length=1)]


class ChainDescription(Part):
    """A chain of ``CompressedLayer``s without their arrays, zero points, dilation and uneven padding."""

    chain: Annotated[tuple[_NamedLayer, ...], Field(min_length=1, alias="layers")]
    provenance: dict[str, JsonValue]

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a description; ValueError with layer and member at fault."""
        try:
            description = cls.model_validate_json(text)
        except ValidationError as error:
            raise ValueError(told(error, "layers", names_in(text, "layers"))) from None
        json.dumps(description.provenance, allow_nan=False)
        return description

    @property
    def layers(self) -> Mapping[str, LayerMembers]:
        """The layers by name, in running order."""
        layers = {layer.name: layer for layer in self.chain}
        if len(layers) != len(self.chain):
            raise ValueError("layer names repeat")
        return layers

    def model(self, layers: Iterable[CompressedLayer]) -> CompressedModel:
        """The chain of these layers."""
        return CompressedModel.chain(tuple(layers), self.provenance)
