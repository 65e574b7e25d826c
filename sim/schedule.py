"""A layer of any size as runs of the array that each fit its banks, from its mask alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from math import ceil

import numpy as np
from numpy.typing import NDArray

from compress.errors import CodesignError
from rtl.config import ArrayConfig
from sim.cycles import fewest_cycles, layer_cycles
from sim.geometry import ConvGeometry, ImageLayout
from sim.parts import Part, part_geometry, part_weights
from sim.plan import Depths, LayerPlan, plan_layer
from sim.pooling import NO_WINDOW
from sim.slices import RowSlice, slice_rows, slice_taps

__all__ = ["PlannedRun", "Schedule", "group_schedule", "make_schedule"]

Window = tuple[range, range]
"""Samples and output lines of one run."""

Slicer = Callable[[NDArray[np.bool_], int, bool], tuple[RowSlice, ...]]
"""``slice_rows`` or ``slice_taps``."""

LayOut = Callable[[tuple[RowSlice, ...]], list["PlannedRun"]]
"""Runs with the rows so dealt."""

_BALANCED = 1.05
"""Busiest row over the average row up to which no other form is worth a try."""

_WAITING = 1.001
"""Cycles over those of the busiest row up to which more even rows are not worth a try."""

_POOLING_MAY_COST = 1.05
"""Cycles with the array's pooling over those without it, up to which the array pools."""


@dataclass(frozen=True)
class Form:
    """How a layer is laid out on the rows; the results are the same in each.

    Members
    -------
    groups : int
        Groups in one run.
    taps_dealt : bool
        Each row has all channels and some taps, instead of some channels and all taps: its bank holds all channels.
    folded : bool
        Space to depth: the stride phases of a channel are dealt like channels.
    """

    groups: int = 1
    taps_dealt: bool = False
    folded: bool = False


@dataclass(frozen=True, eq=False)
class PlannedRun:
    """A part of a layer, and what it needs of the array."""

    part: Part
    plan: LayerPlan


@dataclass(frozen=True, eq=False)
class Schedule:
    """The runs of one batch, in the order the host starts them."""

    runs: tuple[PlannedRun, ...]

    def cycles(self, requant_lanes: int = 1) -> int:
        """Of all runs; loading the banks in between is the host's time."""
        return sum(layer_cycles(run.plan, requant_lanes) for run in self.runs)

    def fewest_cycles(self, requant_lanes: int = 1) -> int:
        """A lower bound on ``cycles``."""
        return sum(fewest_cycles(run.plan, requant_lanes) for run in self.runs)

    @property
    def pooled(self) -> bool:
        """Whether the array does the layer's pooling."""
        return self.runs[0].plan.layout.geometry.pooled

    @property
    def unbalance(self) -> float:
        """Tokens of the busiest row over those of the average row."""
        tokens = np.sum([run.plan.tokens_rk.sum(axis=1) for run in self.runs], axis=0)
        return float(tokens.max() / tokens.mean())

    def pays(self, other: Schedule, requant_lanes: int) -> bool:
        """Whether it takes a twentieth fewer cycles than ``other``, or fewer runs and no more cycles."""
        mine, others = self.cycles(requant_lanes), other.cycles(requant_lanes)
        return mine <= 0.95 * others or (mine <= others and len(self.runs) < len(other.runs))

    @property
    def depths(self) -> Depths:
        """Bank words that hold each run."""
        return reduce(Depths.largest, (run.plan.depths for run in self.runs))

    @property
    def weight_words(self) -> int:
        """Words in all rows' weight banks; runs of other samples or lines use the same words again."""
        firsts = (run for run in self.runs if run.part.samples.start == run.part.lines.start == 0)
        return sum(row.words for run in firsts for row in run.plan.rows)


def make_schedule(
    name: str, mask_kcrs: NDArray[np.bool_], geometry: ConvGeometry, config: ArrayConfig, batch: int = 1
) -> Schedule:
    """Divide layer ``name`` of mask (K, C / groups, R, S) by groups, then filters, then samples and output lines.

    A layer, or one group, that fits is one run. Rows are dealt more evenly where they wait for each other, and other
    forms are tried where rows are not balanced or groups are narrow, and taken if the cycle model finds them faster.
    The array pools if it can; but the host does where the lines that are then stored twice divide the layer further, at
    a cost of more than a twentieth of the cycles. CodesignError where one filter and one output line of a group are
    still too large.
    """
    geometry = geometry.on(config.lanes, config.requant_lanes)
    unpooled = replace(geometry, window=NO_WINDOW)
    if not geometry.pooled:
        return _best_schedule(_Layer(name, mask_kcrs, unpooled, config, batch))
    try:
        pooled = _best_schedule(_Layer(name, mask_kcrs, geometry, config, batch))
    except CodesignError:  # too large for the banks
        return _best_schedule(_Layer(name, mask_kcrs, unpooled, config, batch))
    if len(pooled.runs) <= geometry.groups:  # not divided
        return pooled
    other = _best_schedule(_Layer(name, mask_kcrs, unpooled, config, batch))
    costs = pooled.cycles(config.requant_lanes) > _POOLING_MAY_COST * other.cycles(config.requant_lanes)
    return other if costs else pooled


def _best_schedule(layer: _Layer) -> Schedule:
    """In the form that the cycle model finds fastest."""
    geometry, config = layer.geometry, layer.config
    best = layer.schedule(Form())
    if best.unbalance > _BALANCED:
        best = layer.better(best, Form(taps_dealt=True))
        if geometry.stride != (1, 1):
            best = layer.better(best, Form(folded=True))
    together = 2
    while together <= geometry.groups and geometry.weight_shape[1] < config.rows:
        merged = layer.better(best, Form(together, taps_dealt=True))
        if merged is best:  # even more groups would wait for still longer gaps
            break
        best, together = merged, 2 * together
    return best


def group_schedule(
    mask_kcrs: NDArray[np.bool_], geometry: ConvGeometry, config: ArrayConfig, batch: int = 1, even: bool = False
) -> Schedule:
    """One run a group, whatever the depths of ``config``: what an array with banks for whole groups does.

    The array pools if it can. ``even``: rows are dealt as in ``make_schedule``; else in the quick way that searches
    over many arrays take.
    """
    layer = _Layer("", mask_kcrs, geometry.on(config.lanes, config.requant_lanes), config, batch)
    return Schedule(tuple(layer.whole(layer.unit(group, group + 1), even) for group in range(geometry.groups)))


@dataclass(frozen=True, eq=False)
class _Layer:
    name: str
    mask_kcrs: NDArray[np.bool_]
    geometry: ConvGeometry
    config: ArrayConfig
    batch: int

    def schedule(self, form: Form) -> Schedule:
        """Runs that fit."""
        groups = range(0, self.geometry.groups, form.groups)
        units = (self.unit(first, min(first + form.groups, self.geometry.groups), form.folded) for first in groups)
        return Schedule(tuple(run for unit in units for run in self._runs(unit, form)))

    def better(self, best: Schedule, form: Form) -> Schedule:
        """The schedule in that form if it exists and pays, else ``best``."""
        try:
            other = self.schedule(form)
        except CodesignError:  # too large for the banks, or no mask for the format
            return best
        return other if other.pays(best, self.config.requant_lanes) else best

    def unit(self, first: int, stop: int, folded: bool = False) -> Part:
        """All filters, samples and lines of some groups."""
        filters = len(self.mask_kcrs) // self.geometry.groups
        channels = self.mask_kcrs.shape[1]
        return Part(
            range(first * filters, stop * filters),
            range(first * channels, stop * channels),
            range(self.batch),
            range(self.geometry.output_size[0]),
            stop - first,
            folded,
        )

    def whole(self, unit: Part, even: bool) -> PlannedRun:
        """The unit in one run."""

        def lay_out(slices: tuple[RowSlice, ...]) -> list[PlannedRun]:
            return [PlannedRun(unit, self.plan(unit, slices))]

        return (self._dealt(unit, slice_rows, lay_out) if even else lay_out(self._slices(unit, slice_rows)))[0]

    def _runs(self, unit: Part, form: Form) -> list[PlannedRun]:
        slicer = slice_taps if form.taps_dealt else slice_rows
        return self._dealt(unit, slicer, lambda slices: list(self._fitting(unit, slices)))

    def _slices(self, unit: Part, slicer: Slicer, even: bool = False) -> tuple[RowSlice, ...]:
        mask = part_weights(self.mask_kcrs, self.geometry, unit)
        return slicer(mask.reshape(*mask.shape[:2], -1), self.config.rows, even)

    def _dealt(self, unit: Part, slicer: Slicer, lay_out: LayOut) -> list[PlannedRun]:
        """Runs with rows about equal in total, or even ones if those take fewer cycles and no more runs."""
        requant_lanes = self.config.requant_lanes
        try:
            quick = Schedule(tuple(lay_out(self._slices(unit, slicer))))
        except CodesignError:  # too large for the banks, or no mask for the format
            return lay_out(self._slices(unit, slicer, even=True))
        cycles = quick.cycles(requant_lanes)
        if len(quick.runs) == 1 and cycles <= _WAITING * quick.fewest_cycles(requant_lanes):
            return list(quick.runs)
        try:
            even = Schedule(tuple(lay_out(self._slices(unit, slicer, even=True))))
        except CodesignError:
            return list(quick.runs)
        better = even.cycles(requant_lanes) < cycles and len(even.runs) <= len(quick.runs)
        return list((even if better else quick).runs)

    def _fitting(self, unit: Part, slices: tuple[RowSlice, ...]) -> Iterator[PlannedRun]:
        windows = self._windows(unit, max(1, *(len(row.channels) for row in slices)))
        samples, lines = windows[0]
        window = replace(unit, samples=samples, lines=lines)
        plans = list(self._filters(window, slices))
        for samples, lines in windows:
            for run in plans:
                part = replace(run.part, samples=samples, lines=lines)
                yield PlannedRun(part, replace(run.plan, layout=self._layout(part)))

    def _layout(self, part: Part) -> ImageLayout:
        return ImageLayout(part_geometry(self.geometry, part), self.config.lanes, len(part.samples))

    def plan(self, part: Part, slices: tuple[RowSlice, ...]) -> LayerPlan:
        """Of one run, whether it fits or not."""
        mask, geometry = part_weights(self.mask_kcrs, self.geometry, part), part_geometry(self.geometry, part)
        c = self.config
        return plan_layer(mask, geometry, c.rows, c.lanes, c.index, len(part.samples), c.weight_bits, slices)

    def _filters(self, part: Part, slices: tuple[RowSlice, ...]) -> Iterator[PlannedRun]:
        """Halve the filters until each half fits. All use the same slices, so activations and tables stay loaded."""
        plan = self.plan(part, slices)
        if not plan.depths.short(self.config):
            yield PlannedRun(part, plan)
        elif len(part.filters) == 1 or part.groups > 1:
            plan.depths.check(self.name, self.config, self._smallest)
        else:
            for filters in _divide(part.filters, self._pieces(plan.depths)):
                yield from self._filters(replace(part, filters=filters), slices)

    @property
    def _smallest(self) -> str:
        divisible = max(len(self.mask_kcrs), self.geometry.output_size[0]) > 1
        return "a single filter and output line of " if divisible else ""

    def _pieces(self, depths: Depths) -> int:
        """At least so many are needed."""
        by_words = ceil(depths.weight_depth / self.config.weight_depth)
        return max(2, by_words, ceil(depths.bias_depth / self.config.bias_depth))

    def _windows(self, unit: Part, channels: int) -> list[Window]:
        """Samples and lines of each run: of those that fit, the division of fewest tiles, then of fewest runs.

        One line of one sample where nothing fits. Lines that are pooled together stay together.
        """
        if self._fits(unit, channels):
            return [(unit.samples, unit.lines)]
        rows = self.geometry.window[0]
        sizes = [(samples, len(unit.lines)) for samples in range(1, self.batch)]
        sizes += [(1, lines) for lines in range(rows, len(unit.lines), rows)]
        divisions = [self._windows_of(unit, *size) for size in sizes]
        fitting = [windows for windows in divisions if self._fits(_window(unit, windows[0]), channels)]
        if not fitting:
            return self._windows_of(unit, 1, rows)
        return min(fitting, key=lambda windows: (self._tiles(unit, windows), len(windows)))

    def _windows_of(self, unit: Part, samples: int, lines: int) -> list[Window]:
        if lines == len(unit.lines):
            return [(some, unit.lines) for some in _chunks(unit.samples, samples)]
        pooled_lines = unit.lines[: self.geometry.windows[0] * self.geometry.window[0]]
        return [(some, these) for some in _chunks(unit.samples, samples) for these in _chunks(pooled_lines, lines)]

    def _fits(self, part: Part, channels: int) -> bool:
        return self._layout(part).words(channels) <= self.config.activation_depth

    def _tiles(self, unit: Part, windows: list[Window]) -> int:
        return sum(self._layout(_window(unit, window)).tiles for window in windows)


def _window(unit: Part, window: Window) -> Part:
    return replace(unit, samples=window[0], lines=window[1])


def _chunks(numbers: range, size: int) -> list[range]:
    """Of ``size`` numbers, the last of what is left."""
    return [numbers[first : first + size] for first in range(0, len(numbers), size)]


def _divide(numbers: range, pieces: int) -> list[range]:
    """About equal ranges, none empty."""
    edges = [round(len(numbers) * piece / pieces) for piece in range(pieces + 1)]
    return [numbers[low:high] for low, high in pairwise(edges) if high > low]
