"""Exact cycles in which the loader takes segments off the load stream and writes their words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from compress.base.errors import CodesignError
from rtl.axi.packets import data_beats, header_beats, word_bits, word_cycles
from rtl.config import ArrayConfig
from sim.makespan.run_loads import Segment

__all__ = ["LoaderTime", "Supply", "load_cycles"]


@dataclass(frozen=True)
class Supply:
    """A sender of ``rate`` beats a cycle, which offers a beat in some cycles and then waits until it is taken.

    Those are the cycles c with c * rate modulo 1 below ``rate``, from the first beat's cycle 0 on: with a rate of 2/3
    cycles 0, 2, 3, 5, 6 ... A beat follows at the earliest in the cycle after the one before.
    """

    rate: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1:
            raise CodesignError(f"a supply of {self.rate} beats a cycle", "choose more than 0 and at most 1")

    def from_cycle(self, cycle: int) -> int:
        """The first cycle from ``cycle`` on in which it begins to offer a beat."""
        return ceil((floor((cycle - 1) * self.rate) + 1) / self.rate)


@dataclass
class LoaderTime:
    """The loader's state between two segments.

    Members
    -------
    free : int
        The first cycle in which it can take a header.
    offered : int
        The first cycle in which the next beat is offered.
    """

    config: ArrayConfig
    supply: Supply = Supply()
    free: int = 0
    offered: int = 0

    def load(self, segment: Segment, opens: int) -> int:
        """The cycle in which the last word is written, when none can be before ``opens``."""
        for _ in range(header_beats(self.config)):
            header = self._take(max(self.free, self.offered))
            self.free = header + 1
        first = header + 2  # the header is checked in between
        count = self._words_at_full_rate if self.supply.rate == 1 else self._words
        last = count(segment, first, opens)
        self.free = last + 1
        return last

    def _take(self, cycle: int) -> int:
        """Take a beat."""
        self.offered = cycle + 1 if self.supply.rate == 1 else self.supply.from_cycle(cycle + 1)
        return cycle

    def _words_at_full_rate(self, segment: Segment, first: int, opens: int) -> int:
        """A word is written in the cycle after its last part was taken; the first may have to wait."""
        parts = word_cycles(self.config, segment.space)
        return max(first + parts, opens) + (segment.words - 1) * parts

    def _words(self, segment: Segment, first: int, opens: int) -> int:
        """Beat by beat: the part of a word with the first bit of a beat is taken when that beat is there.

        Each part is taken a cycle after the one before at the earliest, the second word's first one in the cycle in
        which the first word is written.
        """
        space, beat_bits = segment.space, self.config.stream_bits
        width, parts = word_bits(self.config, space), word_cycles(self.config, space)
        place, at = 0, first

        def reached(part: int) -> int:
            """When ``part``, not before ``place``, is taken if its beat is there."""
            cycle = at + part - place
            if place < parts <= part:
                written = max(at + parts - place, opens)
                return max(cycle, written + part - parts)
            return cycle

        for beat in range(data_beats(self.config, space, segment.words)):
            word, bits_before = divmod(beat * beat_bits, width)
            part = word * parts + bits_before // beat_bits
            at, place = self._take(max(reached(part), self.offered)), part
        end = segment.words * parts
        return max(reached(end - 1) + 1, opens if segment.words == 1 else 0)


def load_cycles(config: ArrayConfig, segments: Iterable[Segment], supply: Supply = Supply()) -> int:
    """Cycles of a packet from its first beat to its last word's write, while the array takes every write."""
    time, last = LoaderTime(config, supply), 0
    for segment in segments:
        last = time.load(segment, opens=0)
    return last + 1
