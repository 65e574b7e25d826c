"""A layer of any size as runs of the array, in the form that takes the fewest cycles, from its mask alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from rtl.config import ArrayConfig
from sim.mapping.cycles import Chain, fewest_cycles, layer_cycles
from sim.mapping.division import Division, PlannedRun
from sim.mapping.filter_order import filter_order
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.parts import Part, part_weights
from sim.mapping.plan import Depths
from sim.mapping.pooling import NO_WINDOW
from sim.mapping.slices import RowSlice, slice_alike, slice_rows, slice_taps
from sim.mapping.space_to_depth import can_fold
from sim.mapping.unrolled_taps import Unrolled, unrollings

__all__ = ["Schedule", "group_schedule", "make_schedule"]

Slicer = Callable[[NDArray[np.bool_], int, bool], tuple[RowSlice, ...]]
"""``slice_rows`` or ``slice_taps``."""

LayOut = Callable[[tuple[RowSlice, ...]], list["PlannedRun"]]
"""Runs with their rows assigned to these slices."""

_BALANCED = 1.05
"""Busiest row over average row: at or below this ratio, no other form is tried."""

_WAITING = 1.001
"""Cycles over the lower bound: at or below this ratio, rows are not balanced further."""

_SUBARRAYS_FROM = 1.02
"""Cycles over those of rows that all work all the time: at or below this ratio, subarrays are not tried."""

_LINES_MAY_TAKE = 2
"""Activation words with lines as channels over those without: above this ratio, an array's banks are not sized so."""

_POOLING_MAY_COST = 1.05
"""Cycles with pooling on the array over cycles without: above this ratio, the host pools."""


@dataclass(frozen=True)
class Form:
    """How a layer is laid out on the rows; the results are the same in each.

    Members
    -------
    groups : int
        Groups in one run.
    taps_assigned : bool
        Each row has all channels and some taps, instead of some channels and all taps: its bank holds all channels.
    folded : bool
        Space to depth: the stride phases of a channel are assigned like channels.
    subarrays : int
        Stacks of rows, each with a stretch of the pixels: their rows have more positions of a filter each.
    unrolled : Unrolled
        Lines or taps of a kernel are assigned like channels: what rows in lock-step have instead of ``taps_assigned``.
    """

    groups: int = 1
    taps_assigned: bool = False
    folded: bool = False
    subarrays: int = 1
    unrolled: Unrolled = Unrolled.NOTHING


@dataclass(frozen=True, eq=False)
class Schedule:
    """The runs of one batch, in the order the host starts them."""

    runs: tuple[PlannedRun, ...]

    def cycles(self, chain: Chain) -> int:
        """Cycles of all runs; loading the banks between them is the host's time and not counted."""
        return sum(layer_cycles(run.plan, chain) for run in self.runs)

    def fewest_cycles(self, chain: Chain) -> int:
        """A lower bound on ``cycles``."""
        return sum(fewest_cycles(run.plan, chain) for run in self.runs)

    @property
    def pooled(self) -> bool:
        """Whether the array does the layer's pooling."""
        return self.runs[0].plan.layout.geometry.pooled

    @property
    def unbalance(self) -> float:
        """Tokens of the busiest row over those of the average row; weights of all-zero planes are none."""
        tokens = np.sum([run.plan.useful_tokens for run in self.runs], axis=0)
        return float(tokens.max() / tokens.mean())

    def waiting(self, chain: Chain) -> float:
        """Cycles over those of rows that share the tokens equally and never wait."""
        shared = (run.plan.tokens_rk.mean(axis=0).sum() * run.plan.layout.pixel_groups for run in self.runs)
        return self.cycles(chain) / float(sum(shared))

    def pays(self, other: Schedule, chain: Chain) -> bool:
        """Whether it takes 5 % fewer cycles than ``other``, or fewer runs in no more cycles."""
        mine, others = self.cycles(chain), other.cycles(chain)
        return mine <= 0.95 * others or (mine <= others and len(self.runs) < len(other.runs))

    @property
    def depths(self) -> Depths:
        """Words that each bank needs for the largest run."""
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

    Filters are in their ``filter_order``, in the mask or not. A layer, or a group of it, that fits is one run. Where
    rows wait for each other they are balanced further; where they are unbalanced or groups are narrow, other forms are
    tried, and taken if the cycle model finds them faster. The array pools if it can, unless the lines it stores twice
    for that divide the layer further and cost more than 5 % of the cycles: then the host pools. CodesignError where one
    filter and one output line of a group do not fit.
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
    chain = Chain.of(config)
    costs = pooled.cycles(chain) > _POOLING_MAY_COST * other.cycles(chain)
    return other if costs else pooled


def _best_schedule(division: Division) -> Schedule:
    """The form that the cycle model finds fastest."""
    geometry, config, layer = division.geometry, division.config, _Forms(division)
    unrolled = [Form(unrolled=how) for how in unrollings(geometry)] if config.lockstep else []
    stacked = [Form(subarrays=2**n) for n in range(1, config.subarrays.bit_length())]
    plain = best = layer.first(Form(), *unrolled, *stacked)
    if best.unbalance > _BALANCED:
        for form in unrolled if config.lockstep else [Form(taps_assigned=True)]:
            best = layer.better(best, form)
        if can_fold(geometry):
            best = layer.better(best, Form(folded=True))
    best = _on_subarrays(_groups_together(best, layer), layer)
    if best is not plain:  # which is what an array's banks are sized for, with subarrays that may beat other forms
        best = min(best, _on_subarrays(plain, layer), key=lambda schedule: schedule.cycles(Chain.of(config)))
    return best


def _on_subarrays(best: Schedule, layer: _Forms) -> Schedule:
    """Twice as many subarrays as long as rows idle, where that is faster."""
    config, subarrays = layer.division.config, 2
    while subarrays <= config.subarrays and best.waiting(Chain.of(config)) > _SUBARRAYS_FROM:
        best = layer.better(best, Form(subarrays=subarrays))
        best = _groups_together(best, layer, subarrays)
        subarrays *= 2
    return best


def _groups_together(best: Schedule, layer: _Forms, subarrays: int = 1) -> Schedule:
    """Twice as many groups in a run as long as that is faster, where rows outnumber a group's channels."""
    geometry, rows = layer.division.geometry, layer.division.config.rows
    together = 2
    while together <= geometry.groups and geometry.weight_shape[1] < rows:
        merged = layer.better(best, layer.form_of_groups(together, subarrays))
        if merged is best:  # more groups would only have longer gaps
            break
        best, together = merged, 2 * together
    return best


def group_schedule(
    mask_kcrs: NDArray[np.bool_], geometry: ArrayGeometry, config: ArrayConfig, batch: int = 1, even: bool = False
) -> Schedule:
    """One run per group, whatever the depths of ``config``: for an array whose banks hold whole groups.

    The array pools if it can. Rows in lock-step get lines of kernels as channels where that pays. Subarrays are taken
    where the cycle model finds at least 5 % fewer cycles. With ``even``, rows are balanced as in ``make_schedule``;
    without, in the quick way for searches over many arrays.
    """
    mask_kcrs = mask_kcrs[filter_order(mask_kcrs, geometry.groups)]
    division = Division("", mask_kcrs, geometry.on(config.lanes, config.requant_lanes), config, batch)
    forms = _Forms(division)
    best = forms.whole(even)
    if config.lockstep and best.unbalance > _BALANCED and Unrolled.LINES in unrollings(geometry):
        best = forms.with_lines(best)
    subarrays = 2
    while subarrays <= config.subarrays and best.waiting(Chain.of(config)) > _SUBARRAYS_FROM:
        best, subarrays = forms.better_whole(best, even, subarrays), 2 * subarrays
    return best


@dataclass(frozen=True, eq=False)
class _Forms:
    """Schedules of one layer in different forms."""

    division: Division

    def schedule(self, form: Form) -> Schedule:
        """Runs that fit, in this form."""
        groups = self.division.geometry.groups
        firsts = range(0, groups, form.groups)
        units = (
            self.division.unit(first, min(first + form.groups, groups), form.folded, form.subarrays, form.unrolled)
            for first in firsts
        )
        return Schedule(tuple(run for unit in units for run in self._runs(unit, form)))

    def first(self, *forms: Form) -> Schedule:
        """The schedule in the first of ``forms`` that fits; the error of the first one where none does."""
        errors = []
        for form in forms:
            try:
                return self.schedule(form)
            except CodesignError as error:
                errors.append(error)
        raise errors[0]

    def better(self, best: Schedule, form: Form) -> Schedule:
        """The schedule in this form if there is one and it pays, else ``best``."""
        try:
            other = self.schedule(form)
        except CodesignError:  # too large for the banks, or no mask for the format
            return best
        return other if other.pays(best, Chain.of(self.division.config)) else best

    def better_whole(self, best: Schedule, even: bool, subarrays: int) -> Schedule:
        """A run for each group on subarrays, if the format has words for it and it pays, else ``best``."""
        try:
            other = self.whole(even, subarrays)
        except CodesignError:
            return best
        return other if other.pays(best, Chain.of(self.division.config)) else best

    def form_of_groups(self, together: int, subarrays: int) -> Form:
        """So many groups in a run; taps are divided among the rows if a group has fewer channels than these."""
        geometry, config = self.division.geometry, self.division.config
        narrow = geometry.weight_shape[1] < config.rows // subarrays
        unrolled = Unrolled.TAPS if narrow and config.lockstep else Unrolled.NOTHING
        return Form(together, narrow and not config.lockstep, False, subarrays, unrolled)

    def with_lines(self, best: Schedule) -> Schedule:
        """A run for each group whose lines are channels, if it pays in at most twice the activation words."""
        other = self.whole(False, unrolled=Unrolled.LINES)
        small = other.depths.activation_depth <= _LINES_MAY_TAKE * best.depths.activation_depth
        return other if small and other.pays(best, Chain.of(self.division.config)) else best

    def whole(self, even: bool, subarrays: int = 1, unrolled: Unrolled = Unrolled.NOTHING) -> Schedule:
        """A run for each group."""
        groups = range(self.division.geometry.groups)
        units = (self.division.unit(group, group + 1, False, subarrays, unrolled) for group in groups)
        return Schedule(tuple(self._whole_unit(unit, even) for unit in units))

    def _whole_unit(self, unit: Part, even: bool) -> PlannedRun:
        def lay_out(slices: tuple[RowSlice, ...]) -> list[PlannedRun]:
            return [PlannedRun(unit, self.division.plan(unit, slices))]

        return (self._balanced(unit, slice_rows, lay_out) if even else lay_out(self._slices(unit, slice_rows)))[0]

    def _runs(self, unit: Part, form: Form) -> list[PlannedRun]:
        slicer = slice_taps if form.taps_assigned else slice_rows
        return self._balanced(unit, slicer, lambda slices: list(self.division.fitting(unit, slices)))

    def _slices(self, unit: Part, slicer: Slicer, even: bool = False) -> tuple[RowSlice, ...]:
        mask = part_weights(self.division.mask_kcrs, self.division.geometry, unit)
        mask_kct, rows = mask.reshape(*mask.shape[:2], -1), self.division.config.rows // unit.subarrays
        return slice_alike(mask_kct, rows) if self.division.config.lockstep else slicer(mask_kct, rows, even)

    def _balanced(self, unit: Part, slicer: Slicer, lay_out: LayOut) -> list[PlannedRun]:
        """Runs with rows balanced in total, or over every stretch if that takes fewer cycles and no more runs."""
        chain = Chain.of(self.division.config)
        if self.division.config.lockstep:
            return lay_out(self._slices(unit, slicer))
        try:
            quick = Schedule(tuple(lay_out(self._slices(unit, slicer))))
        except CodesignError:  # too large for the banks, or no mask for the format
            return lay_out(self._slices(unit, slicer, even=True))
        cycles = quick.cycles(chain)
        if len(quick.runs) == 1 and cycles <= _WAITING * quick.fewest_cycles(chain):
            return list(quick.runs)
        try:
            even = Schedule(tuple(lay_out(self._slices(unit, slicer, even=True))))
        except CodesignError:
            return list(quick.runs)
        better = even.cycles(chain) < cycles and len(even.runs) <= len(quick.runs)
        return list((even if better else quick).runs)
