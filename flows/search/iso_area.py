"""The best array for one layer in a given area: the search behind the break-even curves (003 section 5.1).

SRAMs are sized for the layer's packed words; rows, lanes and requantizers share what is left of the budget. Dense and
sparse arrays are searched in the same way, over the same shapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from flows.search.best_first import search
from flows.synthesis.area import least_logic_area, measure, measure_within, module_cost, sram_area
from flows.technology.technology import Technology
from rtl.array.drain import DRAIN_LATENCY
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense
from sim.mapping.cycles import FILL_CYCLES
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.image_layout import ImageLayout
from sim.mapping.schedule import Schedule, group_schedule

__all__ = [
    "BreakEvenPoint",
    "LayerWork",
    "Mask",
    "Shape",
    "best_array",
    "candidate_shapes",
    "layer_budget",
    "pooling_shapes",
    "shape_of",
]

_LANES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
_REQUANT_LANES = (1, 2, 4, 8, 16)
_MAX_ROWS = 32

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class LayerWork:
    """A layer's shape, and which weights a pruned portion leaves.

    Members
    -------
    geometry : ArrayGeometry
    batch : int
        Samples run at once (lanes are pixels of all of them); the same for dense and sparse.
    seed : int
        Of the random order in which weights are pruned; a larger portion prunes a superset.
    """

    name: str
    geometry: ArrayGeometry
    batch: int = 1
    seed: int = 0

    def mask(self, pruned_portion: float) -> Mask:
        """(K, C, R, S), true where a weight is kept; round(portion * weights) are not."""
        if not 0 <= pruned_portion < 1:
            raise CodesignError(f"pruned portion must be in [0, 1), not {pruned_portion}", "0.1 to 0.9 are usual")
        weights = int(np.prod(self.geometry.weight_shape))
        order = np.random.default_rng(self.seed).permutation(weights)
        mask = np.ones(weights, np.bool_)
        mask[order[: round(pruned_portion * weights)]] = False
        return mask.reshape(self.geometry.weight_shape)


@dataclass(frozen=True, order=True)
class Shape:
    """What the search chooses."""

    rows: int
    lanes: int
    requant_lanes: int

    @property
    def pes(self) -> int:
        """Multiply-accumulators."""
        return self.rows * self.lanes


@dataclass(frozen=True)
class BreakEvenPoint:
    """The best array for one pruned portion; the dense baseline has portion 0. Units are the technology's."""

    pruned_portion: float
    speedup: float
    rows: int
    lanes: int
    requant_lanes: int
    area: float
    clock: float
    cycles: int
    index: str
    critical: str
    config: dict[str, Any] = field(repr=False)

    @property
    def time(self) -> float:
        """Of the whole layer and batch, in the technology's time unit."""
        return self.cycles * self.clock


def candidate_shapes(max_rows: int = _MAX_ROWS, lanes: Sequence[int] = _LANES) -> tuple[Shape, ...]:
    """The search space: every number of rows, lanes 2^k and 3 * 2^k, requantizers 2^k that divide the lanes."""
    return tuple(
        Shape(rows, width, requant)
        for rows in range(1, max_rows + 1)
        for width in lanes
        for requant in _REQUANT_LANES
        if width % requant == 0
    )


def pooling_shapes(
    geometries: Sequence[ArrayGeometry], reference: ArrayConfig, shapes: Sequence[Shape]
) -> tuple[Shape, ...]:
    """Those of ``shapes`` that pool every layer that an array of the reference's lanes pools.

    What the host pools is not counted: an array that leaves more to it than another would be given time.
    """
    pooled = [geometry for geometry in geometries if geometry.on(reference.lanes, reference.requant_lanes).pooled]
    return tuple(shape for shape in shapes if all(each.on(shape.lanes, shape.requant_lanes).pooled for each in pooled))


class _Packing:
    """One mask in one format: plans, made once for each (rows, lanes), and bounds that need no plan.

    ``even``: plans with the rows as even as they will be, which takes too long for every shape of a search.
    """

    def __init__(self, work: LayerWork, mask: Mask, template: ArrayConfig, even: bool = False) -> None:
        self.work, self.mask, self.template, self.even = work, mask, template, even
        self.words = int(mask.sum())
        self._plan_of = lru_cache(maxsize=256)(self._make_plan)
        self._tiles_of = lru_cache(maxsize=None)(self._count_tiles)

    def plan(self, shape: Shape) -> Schedule:
        """With banks as deep as it needs."""
        return self._plan_of(shape.rows, shape.lanes, self._geometry(shape))

    def _geometry(self, shape: Shape) -> ArrayGeometry:
        """With the window only where an array of that shape pools: equal for most numbers of requantizers."""
        return self.work.geometry.on(shape.lanes, shape.requant_lanes)

    def _make_plan(self, rows: int, lanes: int, geometry: ArrayGeometry) -> Schedule:
        requant_lanes = self.template.requant_lanes if self.even else 1  # the quick way does not look at it
        array = self.template.replace(rows=rows, lanes=lanes, requant_lanes=requant_lanes)
        return group_schedule(self.mask, geometry, array, self.work.batch, self.even)

    def tiles(self, shape: Shape) -> int:
        """Passes over all filters."""
        return self._tiles_of(shape.lanes, self._geometry(shape))

    def _count_tiles(self, lanes: int, geometry: ArrayGeometry) -> int:
        return ImageLayout(geometry, lanes, self.work.batch).tiles

    @cached_property
    def most_lanes(self) -> int:
        """Lanes that take all pixels in one tile, pooled or not: more would idle."""
        unpooled = self.work.geometry.on(1, 1)
        return max(self._count_tiles(1, geometry) for geometry in (self.work.geometry, unpooled))

    def least_cycles(self, shape: Shape) -> int:
        """One row has at least its share of the nonzeros, the drain takes every filter's lanes; tiles repeat both."""
        filters: int = self.mask.shape[0]
        busiest = max(-(-self.words // shape.rows), filters * (shape.lanes // shape.requant_lanes + 1))
        return FILL_CYCLES + busiest * self.tiles(shape) + DRAIN_LATENCY

    def config(self, shape: Shape) -> ArrayConfig:
        """The array of that shape whose banks just hold the layer."""
        return self.template.replace(**asdict(shape), **asdict(self.plan(shape).depths))


class _Evaluator:
    """Cost of a shape in one technology and budget, cheapest refusals first."""

    def __init__(self, packing: _Packing, technology: Technology, budget: float) -> None:
        self.packing, self.technology, self.budget = packing, technology, budget
        self.pe = module_cost(packing.template, "pe", technology)
        self.requantizer = module_cost(packing.template, "requantizer", technology)
        self.fastest = max(self.pe.period, self.requantizer.period)

    def datapath_area(self, shape: Shape) -> float:
        return shape.pes * self.pe.area + shape.requant_lanes * self.requantizer.area

    def may_fit(self, shape: Shape) -> bool:
        """No lanes beyond the last pixel, and datapath and bare cells of the weight words within the budget."""
        if shape.lanes > self.packing.most_lanes:
            return False
        model = self.technology.sram
        template = self.packing.template
        bits = self.packing.words * template.index.least_bits(template.weight_bits)
        weights = bits * min(model.bit, 8 / 3) * model.nand2_area
        return self.datapath_area(shape) + weights <= self.budget

    def least_time(self, shape: Shape) -> float:
        return self.packing.least_cycles(shape) * self.fastest

    def evaluate(self, shape: Shape, limit: float) -> tuple[float, BreakEvenPoint] | None:
        try:
            plan = self.packing.plan(shape)
            if plan.fewest_cycles(shape.requant_lanes) * self.fastest >= limit:
                return None
            config = self.packing.config(shape)
        except CodesignError:  # a mask the format cannot store, or banks deeper than any array has
            return None
        memories = sram_area(config, self.technology)
        if self.datapath_area(shape) + memories > self.budget:
            return None
        cycles = plan.cycles(shape.requant_lanes)
        if cycles * self.fastest >= limit:  # before the syntheses, which cost most
            return None
        if least_logic_area(config, self.technology) + memories > self.budget:
            return None
        measured = measure_within(config, self.technology, self.budget)
        if measured is None:
            return None
        point = _point(config, cycles, measured.area, measured.clock_period, measured.critical)
        return point.time, point

    def evened(self, shape: Shape, point: BreakEvenPoint) -> BreakEvenPoint:
        """The same shape with even rows where that is faster and fits, else ``point``."""
        work, mask, template = self.packing.work, self.packing.mask, self.packing.template
        packing = _Packing(work, mask, template.replace(**asdict(shape)), even=True)
        found = _Evaluator(packing, self.technology, self.budget).evaluate(shape, point.time)
        return point if found is None or found[0] >= point.time else found[1]


def _point(config: ArrayConfig, cycles: int, area: float, clock: float, critical: str) -> BreakEvenPoint:
    shape = (config.rows, config.lanes, config.requant_lanes)
    return BreakEvenPoint(0.0, 1.0, *shape, area, clock, cycles, str(config.index), critical, config.to_dict())


def best_array(
    work: LayerWork,
    mask: Mask,
    templates: Sequence[ArrayConfig],
    technology: Technology,
    budget: float,
    shapes: Sequence[Shape] | None = None,
) -> BreakEvenPoint | None:
    """The fastest array within ``budget`` for one mask, or None where none fits.

    Searched with rows dealt in the quick way; the winner's are then dealt as evenly as the schedule of a layer does.

    ``templates`` give index format and bit widths, the first wins where two are equally fast; ``shapes`` are the
    candidates for the rest, without those that leave to the host what the templates pool (``pooling_shapes``).
    """
    evaluators = [_Evaluator(_Packing(work, mask, template), technology, budget) for template in templates]
    candidates = (
        (evaluator, shape)
        for shape in pooling_shapes([work.geometry], templates[0], candidate_shapes() if shapes is None else shapes)
        for evaluator in evaluators
        if evaluator.may_fit(shape)
    )
    found = search(
        candidates,
        lambda candidate: candidate[0].least_time(candidate[1]),
        lambda candidate, limit: candidate[0].evaluate(candidate[1], limit),
    )
    return None if found is None else found.candidate[0].evened(found.candidate[1], found.outcome)


def layer_budget(work: LayerWork, reference: ArrayConfig, technology: Technology) -> float:
    """Area of the dense array of the reference's rows and lanes, with banks that just hold the layer."""
    dense = reference.replace(index=Dense())
    shape = Shape(dense.rows, dense.lanes, dense.requant_lanes)
    return measure(_Packing(work, work.mask(0.0), dense).config(shape), technology).area


def shape_of(config: ArrayConfig) -> Shape:
    """The part of a configuration that the search chooses."""
    return Shape(config.rows, config.lanes, config.requant_lanes)
