"""What a model's file says of one layer: every member but its arrays, with its exact type."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from compress.base.errors import CodesignError
from compress.model.layer import CompressedLayer, LayerKind
from compress.model.pool import Pool, PoolKind
from compress.model.requantization import Requantization

__all__ = ["Integer", "LayerDescription", "LayerMembers", "Part"]

Integer = Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)]
Pair = tuple[Integer, Integer]


class Part(BaseModel):
    """Exact types, no unknown and no missing members, finite numbers. Ranges are checked by the values themselves."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, from_attributes=True)


class _RequantizationDescription(Part):
    multiplier: Integer
    shift: Integer


class _PoolDescription(Part):
    kind: PoolKind
    kernel: Pair
    stride: Pair


class LayerMembers(Part):
    """What every version of the file says of a layer."""

    kind: LayerKind
    weight_bits: Integer
    interval: float
    input_shape: tuple[Integer, Integer, Integer]
    requantization: _RequantizationDescription
    input_scale: float
    output_scale: float
    act_bits: Integer
    stride: Pair
    padding: Pair
    groups: Integer
    relu: bool
    pool: _PoolDescription | None

    def layer(self, name: str, levels: NDArray[np.int16], bias: NDArray[np.int32]) -> CompressedLayer:
        """The layer with its arrays; CodesignError if a range is exceeded or members do not fit each other."""
        members: dict[str, Any] = dict(self)
        try:
            requantization = Requantization(**dict(self.requantization))
            pool = None if self.pool is None else Pool(**dict(self.pool))
        except CodesignError as error:
            raise CodesignError(f"layer {name!r}: {error.cause}", error.next_step) from None
        members |= {"name": name, "levels": levels, "bias": bias, "requantization": requantization, "pool": pool}
        return CompressedLayer(**members)


class LayerDescription(LayerMembers):
    """A ``CompressedLayer`` without its arrays and its name, which is its node's."""

    dilation: Pair
    padding_end: Pair | None
    input_zero_point: Integer
    output_zero_point: Integer
    dense_shape: tuple[Integer, Integer, Integer] | None
