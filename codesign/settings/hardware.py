"""The dense reference array of a run, and what all arrays of the run share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from codesign.settings.accumulators import widest_accumulator
from compress.base.errors import CodesignError
from compress.model.compressed_model import CompressedModel
from compress.model.layer import LayerKind, largest_level
from compress.networks.layers import LayerGeometry
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense
from rtl.formats.registry import parse_index
from sim.golden import golden
from sim.mapping.level_codes import power_bits

__all__ = ["HardwareSection", "accumulator_bits_of", "codes_of", "reference_array", "samples_at_a_time"]


def _index_name(text: str) -> str:
    try:
        index = parse_index(text)
    except CodesignError as error:
        raise PydanticCustomError("index_format", "{cause}", {"cause": f"{error.cause}; {error.next_step}"}) from None
    if isinstance(index, Dense):
        raise PydanticCustomError(
            "dense_index", "'dense' has no code for a pruned weight; 'dense0', which stores zeros, has one"
        )
    return str(index)


IndexName = Annotated[str, Field(examples=["fixed4"]), AfterValidator(_index_name)]


class HardwareSection(BaseModel):
    """The dense reference array whose area is the budget, and what all arrays share.

    Members
    -------
    rows, lanes
        Of the dense reference array.
    act_bits
        Of an activation.
    indices
        Index formats of the sparse array that are searched, as ``codesign generate --index`` takes them; not "dense".
    requant_lanes
        Pixels requantized a cycle in the reference array; divides ``lanes``.
    linear_batch
        Samples that a Linear layer runs at a time, one a lane.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    rows: Annotated[int, Field(ge=1, le=64)] = 4
    lanes: Annotated[int, Field(ge=1, le=256)] = 8
    act_bits: Annotated[int, Field(ge=4, le=8)] = 8
    indices: Annotated[list[IndexName], Field(min_length=1, max_length=100)] = [
        "fixed2",
        "fixed3",
        "fixed4",
        "fixed5",
        "fixed6",
    ]
    requant_lanes: Annotated[int, Field(ge=1, le=256)] = 1
    linear_batch: Annotated[int, Field(ge=1, le=256)] = 8

    @model_validator(mode="after")
    def _requantizers_divide_lanes(self) -> HardwareSection:
        if self.lanes % self.requant_lanes:
            raise ValueError(f"requant_lanes {self.requant_lanes} does not divide lanes {self.lanes}")
        return self

    def batch_of(self, kind: LayerKind) -> int:
        """Samples a layer runs at a time."""
        return samples_at_a_time(kind, self.linear_batch)

    def dense_array(self, weight_bits: int, acc_bits: int) -> ArrayConfig:
        """The dense array, its rows in lock-step, with codes and accumulators of these widths."""
        return ArrayConfig(
            rows=self.rows,
            lanes=self.lanes,
            weight_bits=weight_bits,
            act_bits=self.act_bits,
            acc_bits=acc_bits,
            index=Dense(),
            requant_lanes=self.requant_lanes,
            chain_depth=0,
        )


def samples_at_a_time(kind: LayerKind, linear_batch: int) -> int:
    """``linear_batch`` samples of a Linear layer, one a lane; a convolution fills the lanes with pixels of one."""
    return linear_batch if kind is LayerKind.LINEAR else 1


def reference_array(hardware: HardwareSection, layers: list[LayerGeometry], bits: dict[str, int]) -> ArrayConfig:
    """The dense array whose area is the budget, before weights are known; its widths hold every layer.

    ``bits`` are those of each layer's levels.
    """
    widths = {layer.name: _accumulator_bits(layer, bits[layer.name], hardware.act_bits) for layer in layers}
    return hardware.dense_array(max(bits.values()), widest_accumulator(widths))


def _accumulator_bits(layer: LayerGeometry, bits: int, act_bits: int) -> int:
    """Signed bits that hold every filter of the layer before its weights are known, with a bias of the same size.

    2 * positions * (largest level) * (largest activation), and a sign.
    """
    positions = layer.weights // layer.weight_shape[0]
    return (2 * positions * largest_level(bits) * ((1 << act_bits) - 1)).bit_length() + 1


def codes_of(model: CompressedModel, levels: str | None = None) -> dict[str, Any]:
    """``levels`` and ``weight_bits`` of an array that holds the model's levels, all of one kind.

    Without ``levels``: powers of two where all are and codes are shorter for it. CodesignError where they are not, but
    are asked for.
    """
    linear_bits = max(layer.weight_bits for layer in model.layers)
    linear = {"levels": "linear", "weight_bits": linear_bits}
    if levels == "linear":
        return linear
    try:
        bits = max(power_bits(f"layer {layer.name!r}", layer.levels) for layer in model.layers)
    except CodesignError:
        if levels == "powers":
            raise
        return linear
    powers = {"levels": "powers", "weight_bits": bits}
    return powers if levels == "powers" or bits < linear_bits else linear


def accumulator_bits_of(model: CompressedModel) -> int:
    """The fewest signed bits that hold every partial sum of every layer, and that an array has."""
    return widest_accumulator({layer.name: golden.accumulator_bits(layer) for layer in model.layers})
