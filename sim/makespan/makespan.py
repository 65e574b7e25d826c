"""Exact cycles of a sequence of runs that the load stream starts, from its first beat to the last result's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from rtl.axi.sender import SENDER_LATENCY
from rtl.config import ArrayConfig
from sim.makespan.run_loads import Segment
from sim.makespan.transfer import LoaderTime, Supply

__all__ = ["LoadedRun", "Makespan", "makespan"]

_NEVER = -(1 << 60)

BEGIN_CYCLES = 2
"""From a layer's turn, the array idle and START there, to its first busy cycle."""


@dataclass(frozen=True)
class LoadedRun:
    """One run of the array: ``segments`` of its load, START the last one, and the ``cycles`` in which it is busy."""

    segments: tuple[Segment, ...]
    cycles: int


@dataclass(frozen=True)
class Makespan:
    """What a sequence takes while the receiver takes every result at once.

    Members
    -------
    total : int
        The TOTAL_CYCLES counter: from the first beat of loads to the last beat of results.
    busy : int
        The BUSY_CYCLES counter: the sum of the runs' cycles.
    """

    total: int
    busy: int

    @property
    def share_of_loading(self) -> float:
        """Of all cycles those in which the array does not compute."""
        return (self.total - self.busy) / self.total


def makespan(config: ArrayConfig, runs: Iterable[LoadedRun], beats_per_cycle: Fraction = Fraction(1)) -> Makespan:
    """Follow the packets of ``runs``, each sent as soon as the loader takes it, ``beats_per_cycle`` at most.

    With one buffer, words of a run are written, and its START is answered, when the run before has ended. With two,
    when the run before has begun; a run begins when it was started and the one before has ended.
    """
    loader = LoaderTime(config, Supply(beats_per_cycle))
    opens, idle, busy = _NEVER, _NEVER, 0
    for run in runs:
        for segment in run.segments:
            started = loader.load(segment, opens)
        begins = max(started, idle)
        idle = begins + BEGIN_CYCLES + run.cycles
        opens = idle if config.buffers == 1 else begins + 1
        busy += run.cycles
    return Makespan(idle + SENDER_LATENCY, busy)
