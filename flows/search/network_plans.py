"""How layers lie on arrays of one format and any shape: exact cycles and depths, and bounds that need no plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from functools import cached_property, lru_cache, reduce
from math import ceil, lcm, prod

from flows.search.layer_load import LayerLoad
from flows.search.shapes import Shape
from rtl.array.drain import DRAIN_LATENCY
from rtl.config import ArrayConfig
from sim.mapping.cycles import Chain, fill_cycles
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.image_layout import ImageLayout
from sim.mapping.plan import Depths
from sim.mapping.schedule import Schedule, group_schedule
from sim.mapping.unrolled_taps import Unrolled, unroll_geometry

__all__ = ["NetworkPlans"]

_PLANS_KEPT = 256


class NetworkPlans:
    """Plans of all layers, made once for each (rows, lanes) and choice of the layers that the array pools.

    Where rows are made even or layers choose their subarrays, the drain and the chain make a difference too.

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
        self._pixel_groups_of = lru_cache(maxsize=None)(self._count_pixel_groups)
        self._words_of = lru_cache(maxsize=None)(self._count_words)

    def evened(self, shape: Shape) -> NetworkPlans:
        """The same layers with even rows, for one shape."""
        return NetworkPlans(self.loads, self.template.replace(**asdict(shape)), even=True)

    def schedules(self, shape: Shape) -> tuple[Schedule, ...]:
        """Of every layer, with banks as deep as it needs."""
        alike = replace(shape, requant_lanes=1, chain_depth=min(1, shape.chain_depth))
        planned = shape if self.even or shape.subarrays > 1 else alike
        return self._schedules_of(planned, self._geometries(shape))

    def config(self, shape: Shape) -> ArrayConfig:
        """The array of that shape whose banks just hold every layer."""
        depths = reduce(Depths.largest, (schedule.depths for schedule in self.schedules(shape)))
        return self.template.replace(**asdict(shape), **asdict(depths))

    def least_config(self, shape: Shape) -> ArrayConfig:
        """Bounds the depths of ``config`` from below, without a plan."""
        depths = reduce(Depths.largest, (self._least_depths(*each, shape) for each in self._laid_out(shape)))
        return self.template.replace(**asdict(shape), **asdict(depths))

    def layer_cycles(self, shape: Shape) -> dict[str, int]:
        """By layer, for one batch of it."""
        schedules, chain = zip(self.loads, self.schedules(shape), strict=True), self._chain(shape)
        return {load.name: schedule.cycles(chain) for load, schedule in schedules}

    def cycles(self, shape: Shape) -> int:
        """Of ``samples`` samples."""
        return self._total(shape, Schedule.cycles)

    def fewest_cycles(self, shape: Shape) -> int:
        """A lower bound on ``cycles`` that is cheaper to compute."""
        return self._total(shape, Schedule.fewest_cycles)

    def least_cycles(self, shape: Shape) -> int:
        """A lower bound on ``cycles`` that needs no plan.

        For each pixel group, some row has at least its share of the nonzeros, and the drain takes every filter's lanes.
        """
        laid_out = self._laid_out(shape)
        return sum(self._least_cycles(load, geometry, shape) * self._batches(load) for load, geometry in laid_out)

    @cached_property
    def most_lanes(self) -> int:
        """Lanes that take all pixels of every layer in one pixel group, pooled or not: more would idle."""
        return max(
            self._pixel_groups_of(1, geometry, load.batch)
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

    def _laid_out(self, shape: Shape) -> Iterable[tuple[LayerLoad, ArrayGeometry]]:
        return zip(self.loads, self._geometries(shape), strict=True)

    def _batches(self, load: LayerLoad) -> int:
        return self.samples // load.batch

    def _total(self, shape: Shape, cycles: Callable[[Schedule, Chain], int]) -> int:
        schedules, chain = zip(self.loads, self.schedules(shape), strict=True), self._chain(shape)
        return sum(cycles(schedule, chain) * self._batches(load) for load, schedule in schedules)

    def _chain(self, shape: Shape) -> Chain:
        return replace(shape.chain, aligner_stages=self.template.aligner_stages)

    def _least_cycles(self, load: LayerLoad, geometry: ArrayGeometry, shape: Shape) -> int:
        pixel_groups = min(self._pixel_groups_of(shape.lanes, each, load.batch) for each in self._forms(geometry))
        shared = 1 if shape.subarrays == 1 else pixel_groups  # subarrays share pixel groups too
        pace = shape.chain.least_pace() if shape.subarrays == 1 else shape.chain.drain
        drain = load.group_filters * pace * shared
        busiest = sum(max(-(-nonzeros * shared // shape.rows), drain) for nonzeros in load.group_nonzeros)
        fill = fill_cycles(self.template.index, self.template.weight_bits, lockstep=shape.chain_depth == 0)
        latency = geometry.groups * (fill + DRAIN_LATENCY)
        return busiest * (pixel_groups // shared) + latency

    def _make_schedules(self, shape: Shape, geometries: tuple[ArrayGeometry, ...]) -> tuple[Schedule, ...]:
        array = self.template.replace(**asdict(shape))
        loads = zip(self.loads, geometries, strict=True)
        return tuple(group_schedule(load.mask, geometry, array, load.batch, self.even) for load, geometry in loads)

    def _least_depths(self, load: LayerLoad, geometry: ArrayGeometry, shape: Shape) -> Depths:
        """Some row has at least its share of the weights, the channels and the positions, on any of the subarrays."""
        index, weight_bits = self.template.index, self.template.weight_bits
        divisions = [1 << n for n in range(shape.subarrays.bit_length())]
        _, channels, *kernel = geometry.weight_shape
        positions = 0 if index.counts_positions else channels * prod(kernel)
        bits = max(load.group_nonzeros) * index.least_bits(weight_bits)
        return Depths(
            weight_depth=max(2, ceil(bits / (shape.rows * index.word_bits(weight_bits)))),
            activation_depth=max(
                4,
                min(
                    self._words_of(shape.lanes, each, load.batch, ceil(each.weight_shape[1] * n / shape.rows), n)
                    for n in divisions
                    for each in self._forms(geometry)
                ),
            ),
            table_depth=max(2, ceil(positions / shape.rows)),
            bias_depth=max(2, load.group_filters),
        )

    def _forms(self, geometry: ArrayGeometry) -> tuple[ArrayGeometry, ...]:
        """How a schedule may lay the layer out: rows in lock-step may have lines as channels."""
        return (geometry, unroll_geometry(geometry, Unrolled.LINES)) if self.template.lockstep else (geometry,)

    @staticmethod
    def _count_pixel_groups(lanes: int, geometry: ArrayGeometry, batch: int) -> int:
        return ImageLayout(geometry, lanes, batch).pixel_groups

    @staticmethod
    def _count_words(lanes: int, geometry: ArrayGeometry, batch: int, channels: int, subarrays: int) -> int:
        words = ImageLayout(geometry, lanes, batch, subarrays).words(channels)
        return words + words % 2
