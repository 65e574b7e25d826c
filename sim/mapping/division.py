"""Divide a part of a layer into runs that fit the banks, given what each row works on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil

import numpy as np
from numpy.typing import NDArray

from rtl.config import ArrayConfig
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.image_layout import ImageLayout
from sim.mapping.parts import Part, part_geometry, part_weights
from sim.mapping.plan import Depths, LayerPlan, plan_layer
from sim.mapping.slices import RowSlice
from sim.mapping.unrolled_taps import Unrolled

__all__ = ["Division", "PlannedRun"]

Extent = tuple[range, range]
"""Samples and output lines of one run."""


@dataclass(frozen=True, eq=False)
class PlannedRun:
    """A part of a layer, and what it needs of the array."""

    part: Part
    plan: LayerPlan


@dataclass(frozen=True, eq=False)
class Division:
    """Layer ``name`` of mask (K, C / groups, R, S) on an array, ``batch`` samples at a time.

    Filters are divided first, then samples and output lines; a CodesignError names what is still too large.
    """

    name: str
    mask_kcrs: NDArray[np.bool_]
    geometry: ArrayGeometry
    config: ArrayConfig
    batch: int

    def unit(
        self,
        first: int,
        stop: int,
        folded: bool = False,
        subarrays: int = 1,
        unrolled: Unrolled = Unrolled.NOTHING,
    ) -> Part:
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
            subarrays,
            unrolled,
        )

    def fitting(self, unit: Part, slices: tuple[RowSlice, ...]) -> Iterator[PlannedRun]:
        """The unit in runs that fit, with its rows assigned to ``slices``."""
        extents = self._extents(unit, max(1, *(len(row.channels) for row in slices)))
        samples, lines = extents[0]
        first = replace(unit, samples=samples, lines=lines)
        plans = list(self._filters(first, slices))
        for samples, lines in extents:
            for run in plans:
                part = replace(run.part, samples=samples, lines=lines)
                yield PlannedRun(part, replace(run.plan, layout=self._layout(part)))

    def _layout(self, part: Part) -> ImageLayout:
        return ImageLayout(part_geometry(self.geometry, part), self.config.lanes, len(part.samples), part.subarrays)

    def plan(self, part: Part, slices: tuple[RowSlice, ...]) -> LayerPlan:
        """The plan of one run, whether it fits or not."""
        mask, geometry = part_weights(self.mask_kcrs, self.geometry, part), part_geometry(self.geometry, part)
        c, rows = self.config, self.config.rows // part.subarrays
        return plan_layer(
            mask,
            geometry,
            rows,
            c.lanes,
            c.index,
            len(part.samples),
            c.weight_bits,
            slices,
            part.subarrays,
            c.lockstep,
        )

    def _filters(self, part: Part, slices: tuple[RowSlice, ...]) -> Iterator[PlannedRun]:
        """Halve the filters until each half fits; equal slices let activations and tables stay loaded."""
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
        """Lower bound on the number of runs."""
        by_words = ceil(depths.weight_depth / self.config.weight_depth)
        return max(2, by_words, ceil(depths.bias_depth / self.config.bias_depth))

    def _extents(self, unit: Part, channels: int) -> list[Extent]:
        """Samples and lines of each run: of the divisions that fit, the one with the fewest pixel groups, then runs.

        One line of one sample where none fits. Lines of one pooling window stay together.
        """
        if self._fits(unit, channels):
            return [(unit.samples, unit.lines)]
        rows = self.geometry.window[0]
        sizes = [(samples, len(unit.lines)) for samples in range(1, self.batch)]
        sizes += [(1, lines) for lines in range(rows, len(unit.lines), rows)]
        divisions = [self._extents_of(unit, *size) for size in sizes]
        fitting = [extents for extents in divisions if self._fits(_restricted(unit, extents[0]), channels)]
        if not fitting:
            return self._extents_of(unit, 1, rows)
        return min(fitting, key=lambda extents: (self._pixel_groups(unit, extents), len(extents)))

    def _extents_of(self, unit: Part, samples: int, lines: int) -> list[Extent]:
        if lines == len(unit.lines):
            return [(some, unit.lines) for some in _chunks(unit.samples, samples)]
        pooled_lines = unit.lines[: self.geometry.windows[0] * self.geometry.window[0]]
        return [(some, these) for some in _chunks(unit.samples, samples) for these in _chunks(pooled_lines, lines)]

    def _fits(self, part: Part, channels: int) -> bool:
        return self._layout(part).words(channels) <= self.config.activation_depth

    def _pixel_groups(self, unit: Part, extents: list[Extent]) -> int:
        return sum(self._layout(_restricted(unit, extent)).pixel_groups for extent in extents)


def _restricted(unit: Part, extent: Extent) -> Part:
    return replace(unit, samples=extent[0], lines=extent[1])


def _chunks(numbers: range, size: int) -> list[range]:
    """Ranges of ``size`` numbers, the last one with what remains."""
    return [numbers[first : first + size] for first in range(0, len(numbers), size)]


def _divide(numbers: range, pieces: int) -> list[range]:
    """Ranges of about equal length, none empty."""
    edges = [round(len(numbers) * piece / pieces) for piece in range(pieces + 1)]
    return [numbers[low:high] for low, high in pairwise(edges) if high > low]
