"""How layers lie on arrays of one format and any shape: exact cycles and depths, and bounds that need no plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cached_property, lru_cache, reduce
from math import lcm

from flows.search.layer_load import LayerLoad
from flows.search.shapes import Shape
from rtl.array.drain import DRAIN_LATENCY
from rtl.config import ArrayConfig
from sim.mapping.cycles import FILL_CYCLES
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.image_layout import ImageLayout
from sim.mapping.plan import Depths
from sim.mapping.schedule import Schedule, group_schedule

__all__ = ["NetworkPlans"]

_PLANS_KEPT = 256


class NetworkPlans:
    """Plans of all layers, made once for each (rows, lanes) and choice of the layers that the array pools.

    Cycles are those of ``samples`` samples, the fewest that fill whole batches of every layer, so that they are
    integers; of a single layer they are those of its batch.

    Parameters
    ----------
    template : ArrayConfig
        Index format and bit widths; with ``even`` also the requantizers.
    even : bool
        Plans with the rows as even as a layer's schedule makes them, which takes too long for every shape of a search.
    """

    def __init__(self, loads: Sequence[LayerLoad], template: ArrayConfig, even: bool = False) -> None:
        self.loads, self.template, self.even = tuple(loads), template, even
        self.samples = lcm(*(load.batch for load in loads))
        self._schedules_of = lru_cache(maxsize=_PLANS_KEPT)(self._make_schedules)
        self._tiles_of = lru_cache(maxsize=None)(self._count_tiles)

    def evened(self, shape: Shape) -> NetworkPlans:
        """The same layers with even rows, for one shape."""
        return NetworkPlans(self.loads, self.template.replace(**asdict(shape)), even=True)

    def schedules(self, shape: Shape) -> tuple[Schedule, ...]:
        """Of every layer, with banks as deep as it needs."""
        return self._schedules_of(shape.rows, shape.lanes, self._geometries(shape))

    def config(self, shape: Shape) -> ArrayConfig:
        """The array of that shape whose banks just hold every layer."""
        depths = reduce(Depths.largest, (schedule.depths for schedule in self.schedules(shape)))
        return self.template.replace(**asdict(shape), **asdict(depths))

    def layer_cycles(self, shape: Shape) -> dict[str, int]:
        """By layer, for one batch of it."""
        schedules = zip(self.loads, self.schedules(shape), strict=True)
        return {load.name: schedule.cycles(shape.requant_lanes) for load, schedule in schedules}

    def cycles(self, shape: Shape) -> int:
        """Of ``samples`` samples."""
        return self._total(shape, Schedule.cycles)

    def fewest_cycles(self, shape: Shape) -> int:
        """A lower bound on ``cycles`` that is found sooner."""
        return self._total(shape, Schedule.fewest_cycles)

    def least_cycles(self, shape: Shape) -> int:
        """A lower bound on ``cycles`` that needs no plan.

        In each tile one row has at least its share of a group's nonzeros, and the drain takes every filter's lanes.
        """
        return sum(
            self._least_cycles(load, geometry, shape) * self._batches(load)
            for load, geometry in zip(self.loads, self._geometries(shape), strict=True)
        )

    @cached_property
    def most_lanes(self) -> int:
        """Lanes that take all pixels of every layer in one tile, pooled or not: more would idle."""
        return max(
            self._tiles_of(1, geometry, load.batch)
            for load in self.loads
            for geometry in (load.geometry, load.geometry.on(1, 1))
        )

    @cached_property
    def most_weights(self) -> int:
        """Weights that the banks must hold: those of the largest group of any layer."""
        return max(nonzeros for load in self.loads for nonzeros in load.group_nonzeros)

    def _geometries(self, shape: Shape) -> tuple[ArrayGeometry, ...]:
        """With the window only where an array of that shape pools: equal for most numbers of requantizers."""
        return tuple(load.geometry.on(shape.lanes, shape.requant_lanes) for load in self.loads)

    def _batches(self, load: LayerLoad) -> int:
        return self.samples // load.batch

    def _total(self, shape: Shape, cycles: Callable[[Schedule, int], int]) -> int:
        schedules = zip(self.loads, self.schedules(shape), strict=True)
        return sum(cycles(schedule, shape.requant_lanes) * self._batches(load) for load, schedule in schedules)

    def _least_cycles(self, load: LayerLoad, geometry: ArrayGeometry, shape: Shape) -> int:
        drain = load.group_filters * (shape.lanes // shape.requant_lanes + 1)
        busiest = sum(max(-(-nonzeros // shape.rows), drain) for nonzeros in load.group_nonzeros)
        latency = geometry.groups * (FILL_CYCLES + DRAIN_LATENCY)
        return busiest * self._tiles_of(shape.lanes, geometry, load.batch) + latency

    def _make_schedules(self, rows: int, lanes: int, geometries: tuple[ArrayGeometry, ...]) -> tuple[Schedule, ...]:
        requant_lanes = self.template.requant_lanes if self.even else 1  # without even they make no difference
        array = self.template.replace(rows=rows, lanes=lanes, requant_lanes=requant_lanes)
        loads = zip(self.loads, geometries, strict=True)
        return tuple(group_schedule(load.mask, geometry, array, load.batch, self.even) for load, geometry in loads)

    @staticmethod
    def _count_tiles(lanes: int, geometry: ArrayGeometry, batch: int) -> int:
        return ImageLayout(geometry, lanes, batch).tiles
