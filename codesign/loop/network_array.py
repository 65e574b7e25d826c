"""One array for a whole network: the fastest within an area budget, dense and sparse searched alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, reduce
from math import ceil, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from flows.search.best_first import search
from flows.search.iso_area import Shape, candidate_shapes, pooling_shapes
from flows.synthesis.area import ArrayMeasurement, least_logic_area, measure, measure_within, module_cost, sram_area
from flows.technology.technology import Technology
from rtl.config import ArrayConfig
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.plan import Depths
from sim.mapping.schedule import Schedule, group_schedule, make_schedule

__all__ = ["ArrayChoice", "LayerLoad", "array_for", "choose_array"]


@dataclass(frozen=True, eq=False)
class LayerLoad:
    """A layer as the array sees it: its sizes, its mask (K, C, R, S), and how many samples it runs at a time."""

    name: str
    geometry: ArrayGeometry
    mask: NDArray[np.bool_]
    batch: int = 1

    def dense(self) -> LayerLoad:
        """The same layer with every weight kept."""
        return LayerLoad(self.name, self.geometry, np.ones_like(self.mask), self.batch)


@dataclass(frozen=True)
class ArrayChoice:
    """An array with what it costs and how long the network takes on it.

    Members
    -------
    area, clock_period
        In the technology's units.
    cycles : dict
        By layer, for one batch of that layer.
    cycles_per_sample : float
        Of the whole network.
    critical : str
        What sets the clock.
    """

    config: ArrayConfig
    area: float
    logic_area: float
    sram_area: float
    clock_period: float
    critical: str
    cycles: dict[str, int]
    cycles_per_sample: float

    @property
    def time_per_sample(self) -> float:
        """In the technology's time unit."""
        return self.cycles_per_sample * self.clock_period

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe members."""
        return {**asdict(self), "config": self.config.to_dict(), "time_per_sample": self.time_per_sample}


def array_for(loads: Sequence[LayerLoad], template: ArrayConfig, technology: Technology) -> ArrayChoice:
    """The template's rows and lanes with banks that just hold every layer."""
    network, shape = _Network(loads, template, even=True), Shape(template.rows, template.lanes, template.requant_lanes)
    config = network.config(shape)
    return network.choice(config, measure(config, technology))


def choose_array(
    loads: Sequence[LayerLoad],
    templates: Sequence[ArrayConfig],
    technology: Technology,
    budget: float,
    shapes: Sequence[Shape] | None = None,
) -> ArrayChoice | None:
    """The array within ``budget`` that runs all layers soonest, or None where none fits.

    ``templates`` give index formats and bit widths; rows, lanes and requantizers are searched, and every bank is as
    deep as the layer that needs most. What an array of the templates' lanes pools, every candidate does. Exact for
    layers laid out as the banks are sized for, rows dealt in the quick way: a shape is passed over only where a bound
    excludes it. The winner's banks then hold even rows, if that is faster and fits.
    """
    networks = [_Network(loads, template) for template in templates]
    smallest = templates[0].replace(rows=1, lanes=1, requant_lanes=1)
    pe, requantizer = (module_cost(smallest, name, technology) for name in ("pe", "requantizer"))
    fastest = max(pe.period, requantizer.period)

    def datapath(shape: Shape) -> float:
        return shape.pes * pe.area + shape.requant_lanes * requantizer.area

    def evaluate(candidate: tuple[_Network, Shape], limit: float) -> tuple[float, ArrayChoice] | None:
        network, shape = candidate
        try:
            if network.fewest_cycles(shape) * fastest >= limit:
                return None
            config = network.config(shape)
        except CodesignError:  # a mask the format cannot store, or banks deeper than any array has
            return None
        memories = sram_area(config, technology)
        if datapath(shape) + memories > budget:
            return None
        cycles = network.cycles_per_sample(shape)
        if cycles * fastest >= limit:  # before the syntheses, which cost most
            return None
        if least_logic_area(config, technology) + memories > budget:
            return None
        measured = measure_within(config, technology, budget)
        if measured is None:
            return None
        return cycles * measured.clock_period, network.choice(config, measured)

    pooling = pooling_shapes([load.geometry for load in loads], templates[0], shapes or candidate_shapes())
    fitting = [shape for shape in pooling if datapath(shape) <= budget]
    candidates = [(network, shape) for shape in fitting for network in networks]
    found = search(candidates, lambda candidate: candidate[0].least_cycles(candidate[1]) * fastest, evaluate)
    if found is None:
        return None
    evened = evaluate((found.candidate[0].evened(found.candidate[1]), found.candidate[1]), found.cost)
    chosen = [found.outcome] if evened is None else [found.outcome, evened[1]]
    return min(chosen, key=lambda choice: choice.time_per_sample)


class _Network:
    """Plans of all layers, made once for each (rows, lanes) and choice of the layers that the array pools.

    ``even`` as ``sim.mapping.schedule.group_schedule`` has it.
    """

    def __init__(self, loads: Sequence[LayerLoad], template: ArrayConfig, even: bool = False) -> None:
        self._loads, self._template, self._even = loads, template, even
        self._plans_of = lru_cache(maxsize=64)(self._make_plans)
        self._nonzeros = [int(load.mask.sum()) for load in loads]

    def _plans(self, shape: Shape) -> tuple[Schedule, ...]:
        geometries = tuple(load.geometry.on(shape.lanes, shape.requant_lanes) for load in self._loads)
        return self._plans_of(shape.rows, shape.lanes, geometries)

    def _make_plans(self, rows: int, lanes: int, geometries: tuple[ArrayGeometry, ...]) -> tuple[Schedule, ...]:
        requant_lanes = self._template.requant_lanes if self._even else 1  # the quick way does not look at it
        array = self._template.replace(rows=rows, lanes=lanes, requant_lanes=requant_lanes)
        loads = zip(self._loads, geometries, strict=True)
        return tuple(group_schedule(load.mask, geometry, array, load.batch, self._even) for load, geometry in loads)

    def evened(self, shape: Shape) -> _Network:
        """Plans with the rows as even as they will be, which takes too long for every shape of a search."""
        return _Network(self._loads, self._template.replace(**asdict(shape)), even=True)

    def config(self, shape: Shape) -> ArrayConfig:
        plans = self._plans(shape)
        depths = reduce(Depths.largest, (plan.depths for plan in plans))
        return self._template.replace(**asdict(shape), **asdict(depths))

    def least_cycles(self, shape: Shape) -> float:
        """Every nonzero meets every output pixel once; no plan is made for this bound."""
        total = 0.0
        for load, nonzeros in zip(self._loads, self._nonzeros, strict=True):
            geometry = load.geometry.on(shape.lanes, shape.requant_lanes)
            pixels = prod(geometry.windows) * prod(geometry.window)
            tiles = ceil(pixels * load.batch / shape.lanes)
            drain = len(load.mask) * (shape.lanes // shape.requant_lanes + 1)
            total += max(ceil(nonzeros / shape.rows), drain) * tiles / load.batch
        return total

    def fewest_cycles(self, shape: Shape) -> float:
        plans = self._plans(shape)
        counts = (plan.fewest_cycles(shape.requant_lanes) for plan in plans)
        return sum(count / load.batch for count, load in zip(counts, self._loads, strict=True))

    def cycles_per_sample(self, shape: Shape) -> float:
        """Of all layers, each at its own batch, laid out as the banks are sized for."""
        plans = self._plans(shape)
        counts = (plan.cycles(shape.requant_lanes) for plan in plans)
        return sum(count / load.batch for count, load in zip(counts, self._loads, strict=True))

    def choice(self, config: ArrayConfig, measured: ArrayMeasurement) -> ArrayChoice:
        """Cycles in the fastest form: banks as deep as the largest layer's leave the others a choice."""
        schedules = {
            load.name: make_schedule(load.name, load.mask, load.geometry, config, load.batch) for load in self._loads
        }
        cycles = {name: schedule.cycles(config.requant_lanes) for name, schedule in schedules.items()}
        return ArrayChoice(
            config=config,
            area=measured.area,
            logic_area=measured.logic_area,
            sram_area=measured.sram_area,
            clock_period=measured.clock_period,
            critical=measured.critical,
            cycles=cycles,
            cycles_per_sample=sum(cycles[load.name] / load.batch for load in self._loads),
        )
