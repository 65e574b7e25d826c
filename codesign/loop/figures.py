"""Figures of arrays, technologies and curves as they stand in the results of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, PlainSerializer, PlainValidator

from codesign.loop.results import Result
from flows.search.array_choice import ArrayChoice
from flows.search.break_even_ratio import BreakEvenRatio
from flows.technology.technology import Technology
from rtl.config import ArrayConfig

__all__ = [
    "ArrayFigures",
    "ArrayPoint",
    "BreakEvenResult",
    "CurvePoint",
    "FormatFigures",
    "LayerCurve",
    "Ratio",
    "TechnologyFigures",
]


def _array(given: Any) -> ArrayConfig:
    return given if isinstance(given, ArrayConfig) else ArrayConfig.from_dict(given)


def _ratio(given: Any) -> BreakEvenRatio:
    return given if isinstance(given, BreakEvenRatio) else BreakEvenRatio.from_dict(given)


Array = Annotated[ArrayConfig, PlainValidator(_array), PlainSerializer(lambda array: array.to_dict())]
Ratio = Annotated[BreakEvenRatio, PlainValidator(_ratio), PlainSerializer(lambda ratio: ratio.to_dict())]


class _Figures(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class TechnologyFigures(_Figures):
    """What ``flows.technology.technology.Technology.describe`` tells."""

    name: str
    area_unit: str
    time_unit: str
    liberty_sha256: str
    nand2_area: float
    fo4: float
    clk_to_q: float
    setup: float

    @classmethod
    def of(cls, technology: Technology) -> Self:
        """Of a technology."""
        return cls.model_validate(technology.describe())


class ArrayPoint(_Figures):
    """The best array for one pruned portion, None where no array fits the budget; ``cycles`` are of a batch."""

    pruned_portion: float
    speedup: float | None
    rows: int | None
    lanes: int | None
    requant_lanes: int | None
    area: float | None
    clock: float | None
    cycles: int | None
    index: str | None
    critical: str | None


class CurvePoint(ArrayPoint):
    """The same, with all of the array's parameters."""

    config: Array | None


class LayerCurve(_Figures):
    """One layer's break-even curve: ``flows.search.break_even.BreakEvenCurve``."""

    layer: str
    indices: tuple[str, ...]
    budget: float
    area_unit: str
    time_unit: str
    break_even_ratio: Ratio
    dense: CurvePoint
    points: tuple[CurvePoint, ...]

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Of the JSON that ``BreakEvenCurve.to_dict`` makes."""
        return cls.model_validate(content, strict=False)


class BreakEvenResult(Result):
    """The curves of all layers, in the network's order."""

    FILE: ClassVar = "break_even.json"
    COMMAND: ClassVar = "codesign breakeven"

    technology: TechnologyFigures
    curves: tuple[LayerCurve, ...]


class FormatFigures(_Figures):
    """A layer in one index format on the chosen array: ``flows.search.formats.FormatCost``."""

    cycles: float
    stored_bits: int


class ArrayFigures(_Figures):
    """One array for the whole network: ``flows.search.array_choice.ArrayChoice``.

    ``cycles`` are by layer, for one batch of that layer; those per sample are of the whole network.
    """

    config: Array
    area: float
    logic_area: float
    sram_area: float
    clock_period: float
    critical: str
    cycles: dict[str, int]
    cycles_per_sample: float
    time_per_sample: float

    @classmethod
    def of(cls, choice: ArrayChoice) -> Self:
        """Of the search's choice."""
        return cls.model_validate(choice.to_dict())
