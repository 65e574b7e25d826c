"""A layer of any size as runs of the array, in the form that takes the fewest cycles, from its mask alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from rtl.config import ArrayConfig
from sim.mapping.cycles import fewest_cycles, layer_cycles
from sim.mapping.division import Division, PlannedRun
from sim.mapping.filter_order import filter_order
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.parts import Part, part_weights
from sim.mapping.plan import Depths
from sim.mapping.pooling import NO_WINDOW
from sim.mapping.slices import RowSlice, slice_rows, slice_taps

__all__ = ["Schedule", "group_schedule", "make_schedule"]

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
    name: str, mask_kcrs: NDArray[np.bool_], geometry: ArrayGeometry, config: ArrayConfig, batch: int = 1
) -> Schedule:
    """Divide layer ``name`` of mask (K, C / groups, R, S) by groups, then filters, then samples and output lines.

    Filters are in their ``filter_order``, in the mask or not.
    A layer, or one group, that fits is one run. Rows are dealt more evenly where they wait for each other, and other
    forms are tried where rows are not balanced or groups are narrow, and taken if the cycle model finds them faster.
    The array pools if it can; but the host does where the lines that are then stored twice divide the layer further, at
    a cost of more than a twentieth of the cycles. CodesignError where one filter and one output line of a group are
    still too large.
    """
    mask_kcrs = mask_kcrs[filter_order(mask_kcrs, geometry.groups)]
    geometry = geometry.on(config.lanes, config.requant_lanes)
    unpooled = replace(geometry, window=NO_WINDOW)
    if not geometry.pooled:
        return _best_schedule(Division(name, mask_kcrs, unpooled, config, batch))
    try:
        pooled = _best_schedule(Division(name, mask_kcrs, geometry, config, batch))
    except CodesignError:  # too large for the banks
        return _best_schedule(Division(name, mask_kcrs, unpooled, config, batch))
    if len(pooled.runs) <= geometry.groups:  # not divided
        return pooled
    other = _best_schedule(Division(name, mask_kcrs, unpooled, config, batch))
    costs = pooled.cycles(config.requant_lanes) > _POOLING_MAY_COST * other.cycles(config.requant_lanes)
    return other if costs else pooled


def _best_schedule(division: Division) -> Schedule:
    """In the form that the cycle model finds fastest."""
    geometry, config, layer = division.geometry, division.config, _Forms(division)
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
    mask_kcrs: NDArray[np.bool_], geometry: ArrayGeometry, config: ArrayConfig, batch: int = 1, even: bool = False
) -> Schedule:
    """One run a group, whatever the depths of ``config``: what an array with banks for whole groups does.

    The array pools if it can. ``even``: rows are dealt as in ``make_schedule``; else in the quick way that searches
    over many arrays take.
    """
    mask_kcrs = mask_kcrs[filter_order(mask_kcrs, geometry.groups)]
    division = Division("", mask_kcrs, geometry.on(config.lanes, config.requant_lanes), config, batch)
    units = [division.unit(group, group + 1) for group in range(geometry.groups)]
    return Schedule(tuple(_Forms(division).whole(unit, even) for unit in units))


@dataclass(frozen=True, eq=False)
class _Forms:
    """The forms of a layer that ``division`` divides."""

    division: Division

    def schedule(self, form: Form) -> Schedule:
        """Runs that fit."""
        groups = self.division.geometry.groups
        firsts = range(0, groups, form.groups)
        units = (self.division.unit(first, min(first + form.groups, groups), form.folded) for first in firsts)
        return Schedule(tuple(run for unit in units for run in self._runs(unit, form)))

    def better(self, best: Schedule, form: Form) -> Schedule:
        """The schedule in that form if it exists and pays, else ``best``."""
        try:
            other = self.schedule(form)
        except CodesignError:  # too large for the banks, or no mask for the format
            return best
        return other if other.pays(best, self.division.config.requant_lanes) else best

    def whole(self, unit: Part, even: bool) -> PlannedRun:
        """The unit in one run."""

        def lay_out(slices: tuple[RowSlice, ...]) -> list[PlannedRun]:
            return [PlannedRun(unit, self.division.plan(unit, slices))]

        return (self._dealt(unit, slice_rows, lay_out) if even else lay_out(self._slices(unit, slice_rows)))[0]

    def _runs(self, unit: Part, form: Form) -> list[PlannedRun]:
        slicer = slice_taps if form.taps_dealt else slice_rows
        return self._dealt(unit, slicer, lambda slices: list(self.division.fitting(unit, slices)))

    def _slices(self, unit: Part, slicer: Slicer, even: bool = False) -> tuple[RowSlice, ...]:
        mask = part_weights(self.division.mask_kcrs, self.division.geometry, unit)
        return slicer(mask.reshape(*mask.shape[:2], -1), self.division.config.rows, even)

    def _dealt(self, unit: Part, slicer: Slicer, lay_out: LayOut) -> list[PlannedRun]:
        """Runs with rows about equal in total, or even ones if those take fewer cycles and no more runs."""
        requant_lanes = self.division.config.requant_lanes
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
