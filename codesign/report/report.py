"""report.json as a type: every figure of a run in one documented, versioned file (docs/report.md)."""

from __future__ import annotations

import json
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from codesign.loop.chosen_alphas import AlphasResult
from codesign.loop.figures import ArrayFigures, ArrayPoint, FormatFigures, Ratio, TechnologyFigures
from codesign.loop.stages.evaluation import AccuracyResult
from codesign.loop.stages.training import ImageCounts
from codesign.loop.verify import SimulationResult
from compress.admm.iteration import AdmmStep
from compress.train.histograms import LayerHistograms
from compress.train.training import EpochRecord
from flows.search.formats import FormatCost, quickest

__all__ = [
    "SCHEMA",
    "SCHEMA_VERSION",
    "ArrayComparison",
    "CurveFigures",
    "DataFigures",
    "LayerRow",
    "LevelCounts",
    "Report",
    "Schema",
    "StorageFigures",
    "Units",
    "WeightCounts",
    "WeightHistogram",
    "Work",
    "WorkRow",
]

SCHEMA: Final = "codesign-report"
SCHEMA_VERSION: Final = 2


class _Part(BaseModel):
    """Exact types and no changes later; keys that a later toolkit has added are ignored."""

    model_config = ConfigDict(strict=True, frozen=True, ser_json_inf_nan="constants")


class Schema(_Part):
    """What a file is."""

    name: Literal["codesign-report"] = SCHEMA
    version: Literal[2] = SCHEMA_VERSION


class DataFigures(_Part):
    """The data set: by its loader's name, by what the run file calls it, and by its splits."""

    name: str
    title: str | None = None
    images: ImageCounts

    @property
    def shown_as(self) -> str:
        """``title``, or ``name``."""
        return self.title or self.name


class Units(_Part):
    """Of areas, times and clock periods."""

    area: str
    time: str
    clock: str


class LayerRow(_Part):
    """One layer; ``speedup`` is the dense array's time over the chosen one's, in equal area, for one sample."""

    name: str
    kind: str
    macs: int
    weights: int
    nonzeros: int
    weight_bits: int
    alpha: float
    pruning_ratio: float | None
    restored: bool
    break_even_ratio: Ratio
    speedup: float
    dense_time: float
    time: float
    batch: int
    weight_words: int
    utilization: float


class CurveFigures(_Part):
    """A layer's break-even curve, the dense baseline first."""

    layer: str
    break_even_ratio: Ratio
    indices: tuple[str, ...]
    budget: float
    curve: tuple[ArrayPoint, ...]

    @property
    def points(self) -> tuple[ArrayPoint, ...]:
        """Of sparse arrays."""
        return self.curve[1:]


class ArrayComparison(_Part):
    """The two arrays of equal area, and what the network gains from one to the other."""

    budget: float
    dense: ArrayFigures
    chosen: ArrayFigures
    speedup: float
    formats: dict[str, dict[str, FormatFigures]] = Field(default_factory=dict)

    @property
    def layers_of_formats(self) -> dict[str, list[str]]:
        """The layers that each searched format is the quickest for; formats that win none have none."""
        won: dict[str, list[str]] = {name: [] for costs in self.formats.values() for name in costs}
        for layer, costs in self.formats.items():
            if costs:
                found = {name: FormatCost(cost.cycles, cost.stored_bits) for name, cost in costs.items()}
                won[quickest(found)].append(layer)
        return won


class StorageFigures(_Part):
    """Bits of all weights: as float32, as levels alone, and as the chosen array's words (levels, indices, fillers)."""

    float32_bits: int
    level_bits: int
    with_index_bits: int


class WeightCounts(_Part):
    """A histogram of trained weights."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class LevelCounts(_Part):
    """How often each level occurs; level 0 is pruned, and a level times ``interval`` is its real value."""

    levels: tuple[int, ...]
    interval: float
    counts: tuple[int, ...]


class WeightHistogram(_Part):
    """A layer's weights before and after compression."""

    layer: str
    before: WeightCounts
    after: LevelCounts


class WorkRow(_Part):
    """Who runs a node of the graph, or a layer's pooling, and its operations for one sample (``codesign.report.work``).

    ``dense_operations`` are those before pruning.
    """

    name: str
    kind: str
    runs_on: Literal["array", "host", "addresses"]
    operations: int
    dense_operations: int


class Work(_Part):
    """Who runs which operation, in running order, and the host's share of all operations, after and before pruning."""

    rows: tuple[WorkRow, ...]
    host_share: float
    dense_host_share: float

    @property
    def totals(self) -> tuple[tuple[WorkRow, int], ...]:
        """All rows of one kind and runner as one, in order of appearance, and how many they are."""
        alike: dict[tuple[str, str], list[WorkRow]] = {}
        for row in self.rows:
            alike.setdefault((row.kind, row.runs_on), []).append(row)
        return tuple((_sum(rows), len(rows)) for rows in alike.values())


def _sum(rows: list[WorkRow]) -> WorkRow:
    counts = {name: sum(getattr(row, name) for row in rows) for name in ("operations", "dense_operations")}
    return rows[0].model_copy(update=counts)


class Report(_Part):
    """A whole report; ``docs/report.md`` explains the members."""

    file: Schema = Field(alias="schema")
    created: str
    command: str
    seed: int
    network: str
    data: DataFigures
    settings: dict[str, Any]
    versions: dict[str, str]
    technology: TechnologyFigures
    units: Units
    accuracy: AccuracyResult
    layers: tuple[LayerRow, ...]
    break_even: tuple[CurveFigures, ...]
    alphas: AlphasResult
    array: ArrayComparison
    rtl: SimulationResult
    storage: StorageFigures
    work: Work | None = None
    admm: dict[str, tuple[AdmmStep, ...]]
    training: dict[str, tuple[EpochRecord, ...]] = {}
    histograms: tuple[WeightHistogram, ...]
    admm_histograms: dict[str, tuple[LayerHistograms, ...]] = {}
    seconds: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """The content of report.json."""
        content: dict[str, Any] = json.loads(self.model_dump_json(by_alias=True))
        return content
