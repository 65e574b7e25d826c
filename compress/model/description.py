"""What a model's file says in words: every member of every layer but its arrays, with its exact type."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from compress.base.errors import CodesignError
from compress.model.compressed_model import CompressedModel
from compress.model.layer import CompressedLayer, LayerKind, Pool, PoolKind, Requantization

__all__ = ["LayerDescription", "ModelDescription"]

Pair = tuple[int, int]


class _Part(BaseModel):
    """Exact types, no unknown and no missing members, finite numbers. Ranges are checked by the values themselves."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, from_attributes=True)


class _RequantizationDescription(_Part):
    multiplier: int
    shift: int


class _PoolDescription(_Part):
    kind: PoolKind
    kernel: Pair
    stride: Pair


class LayerDescription(_Part):
    """A ``CompressedLayer`` without its arrays."""

    name: Annotated[str, Field(min_length=1)]
    kind: LayerKind
    weight_bits: int
    interval: float
    input_shape: tuple[int, int, int]
    requantization: _RequantizationDescription
    input_scale: float
    output_scale: float
    act_bits: int
    stride: Pair
    padding: Pair
    groups: int
    relu: bool
    pool: _PoolDescription | None

    def layer(self, levels: NDArray[np.int16], bias: NDArray[np.int32]) -> CompressedLayer:
        """The layer with its arrays; CodesignError if a range is exceeded or members do not fit each other."""
        members = dict(self)
        try:
            requantization = Requantization(**dict(self.requantization))
            pool = None if self.pool is None else Pool(**dict(self.pool))
        except CodesignError as error:
            raise CodesignError(f"layer {self.name!r}: {error.cause}", error.next_step) from None
        return CompressedLayer(
            **{**members, "levels": levels, "bias": bias, "requantization": requantization, "pool": pool}
        )


class ModelDescription(_Part):
    """A ``CompressedModel`` without its arrays."""

    layers: Annotated[tuple[LayerDescription, ...], Field(min_length=1)]
    provenance: dict[str, JsonValue]

    @classmethod
    def of(cls, model: CompressedModel) -> Self:
        """Describe a chain of layers; ValueError with layer and member of the first one that has another type."""
        if len(model.nodes) != len(CompressedModel.chain(model.layers).nodes):
            raise ValueError("it is no chain of layers")
        try:
            return cls.model_validate(model)
        except ValidationError as error:
            raise ValueError(_told(error, [layer.name for layer in model.layers])) from None

    def to_json(self) -> str:
        """One text for one model; ValueError for an infinite number or NaN in the provenance."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The inverse of ``to_json``; ValueError with layer and member at fault."""
        try:
            description = cls.model_validate_json(text)
        except ValidationError as error:
            raise ValueError(_told(error, _names(text))) from None
        description.to_json()
        return description


def _told(error: ValidationError, names: list[str]) -> str:
    """The first fault: layer, member, what it is and what is wrong."""
    detail = error.errors()[0]
    place = [str(part) for part in detail["loc"]]
    layer, of_layer = "", detail["loc"][:1] == ("layers",) and len(detail["loc"]) > 1
    if of_layer:
        number = int(detail["loc"][1])
        layer = f"layer {names[number]!r}: " if number < len(names) else f"layer {number + 1}: "
    member = ".".join(place[2:] if of_layer else place) or "description"
    given = "" if detail["type"] in ("missing", "json_invalid") else f" = {_shortened(detail['input'])}"
    return f"{layer}{member}{given}: {detail['msg'][0].lower()}{detail['msg'][1:]}"


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _names(text: str) -> list[str]:
    """The layers' names as far as they can be read."""
    names: list[str] = []
    with suppress(ValueError, TypeError, KeyError, RecursionError):
        names.extend(str(layer["name"]) for layer in json.loads(text)["layers"])
    return names
