"""The runs of a layer, one after the other, each with what it has to load of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np

from rtl.array.write_bus import Space
from rtl.config import ArrayConfig
from sim.makespan.makespan import LoadedRun
from sim.makespan.run_loads import run_segments
from sim.mapping.cycles import Chain, layer_cycles
from sim.mapping.division import PlannedRun
from sim.mapping.schedule import Schedule

__all__ = ["changed_spaces", "layer_runs"]


def layer_runs(schedule: Schedule, config: ArrayConfig) -> Iterator[LoadedRun]:
    """The first run loads everything, each later one what differs from the run before; registers always."""
    before: Iterable[PlannedRun | None] = chain([None], schedule.runs)
    for previous, run in zip(before, schedule.runs, strict=False):
        spaces = frozenset(Space) if previous is None else changed_spaces(previous, run)
        yield LoadedRun(run_segments(run.plan, config, spaces), layer_cycles(run.plan, Chain.of(config)))


def changed_spaces(before: PlannedRun, run: PlannedRun) -> frozenset[Space]:
    """What ``run`` of the same layer loads behind ``before``.

    Runs of other lines or samples have the same weights and biases; runs of other filters whose rows have the same
    positions have the same activations. Address tables depend on positions and on where pixels lie.
    """
    stays: set[Space] = set()
    one, other = before.part, run.part
    if before.plan.slices == run.plan.slices and one.subarrays == other.subarrays:
        same_form = one.folded == other.folded and one.unrolled == other.unrolled
        if same_form and one.channels == other.channels:
            if one.filters == other.filters:
                stays |= {Space.WEIGHT, Space.BIAS}
            if (one.samples, one.lines) == (other.samples, other.lines):
                stays.add(Space.ACTIVATION)
        if _same_addresses(before, run):
            stays.add(Space.TABLE)
    return frozenset(Space) - stays


def _same_addresses(before: PlannedRun, run: PlannedRun) -> bool:
    """Whether each tap lies at the same distance, and each channel."""
    one, other = before.plan.layout, run.plan.layout
    if one.phases * one.plane_words != other.phases * other.plane_words:
        return False
    return all(np.array_equal(*words) for words in zip(one.table_words(), other.table_words(), strict=True))
