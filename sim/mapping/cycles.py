"""Exact cycles of a layer on the array: the same count as the RTL's cycle counter."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain as chained

import numpy as np
from numpy.typing import NDArray

from rtl.array.drain import DRAIN_LATENCY
from rtl.array.lockstep_control import LOCKSTEP_FILL
from rtl.config import ArrayConfig
from rtl.formats.index_format import IndexFormat
from rtl.widths import product_stage
from sim.mapping.plan import LayerPlan

__all__ = ["FILL_CYCLES", "Chain", "chain_cycles", "fewest_cycles", "fill_cycles", "layer_cycles", "lockstep_cycles"]

FILL_CYCLES = 8
"""Cycles before the first token can be accumulated: fetch, word, decode, table, address, bank, align, multiply.

One less for rows without a ``product_stage``, one more with two ``aligner_stages``.
"""

_NEVER = -(1 << 60)
"""Earlier than any cycle by more than the length of any layer."""


@dataclass(frozen=True)
class Chain:
    """What of an array, besides a layer's plan, its cycles depend on: above all how fast sums leave the rows.

    Members
    -------
    drain : int
        Cycles in which the requantizers take one filter's sums: lanes / requant_lanes.
    depth : int
        Filters whose sums a row can hold for the next one: ``ArrayConfig.chain_depth``; 0 for rows in lock-step.
    aligner_stages : int
        Cycles from activation words to aligned pixels.
    """

    drain: int
    depth: int = 1
    aligner_stages: int = 1

    @classmethod
    def of(cls, config: ArrayConfig) -> Chain:
        """Of an array."""
        return cls(config.lanes // config.requant_lanes, config.chain_depth, config.aligner_stages)

    def least_pace(self, subarrays: int = 1) -> int:
        """Cycles a filter takes at least: a single register is filled again a cycle after it was taken."""
        return max(subarrays * self.drain, self.drain + (self.depth <= 1))


def fill_cycles(index: IndexFormat, weight_bits: int = 8, lockstep: bool = False) -> int:
    """Cycles before the first token of such a row can be accumulated."""
    stages = LOCKSTEP_FILL if lockstep else FILL_CYCLES + index.decoder.extra_latency
    return stages - (not product_stage(weight_bits))


def _fill_of(plan: LayerPlan, chain: Chain) -> int:
    return fill_cycles(plan.index, plan.weight_bits, plan.lockstep) + chain.aligner_stages - 1


def layer_cycles(plan: LayerPlan, chain: Chain) -> int:
    """Cycles in which the array is busy while the receiver is always ready."""
    layout, fill = plan.layout, _fill_of(plan, chain)
    if plan.lockstep:
        rows, filters = plan.tokens_rk.shape
        return lockstep_cycles(int(plan.tokens_rk[0, 0]), rows, filters * layout.pixel_groups, chain, fill)
    return chain_cycles(plan.tokens_rk, layout.pixel_groups, chain, fill, layout.subarrays)


def fewest_cycles(plan: LayerPlan, chain: Chain) -> int:
    """A lower bound on ``layer_cycles``: the busiest row or the drain, whichever is slower, without waiting."""
    if plan.lockstep:
        return layer_cycles(plan, chain)
    busiest_row = int(plan.tokens_rk.sum(axis=1).max())
    filters: int = plan.tokens_rk.shape[1]
    busiest = max(busiest_row, filters * chain.least_pace(plan.layout.subarrays))
    return _fill_of(plan, chain) + busiest * plan.layout.pixel_groups + DRAIN_LATENCY


def lockstep_cycles(tokens: int, rows: int, sums: int, chain: Chain, fill: int = LOCKSTEP_FILL) -> int:
    """Rows in lock-step with ``tokens`` for every filter of every pixel group, ``sums`` of them.

    The last row ends its first filter after as many slots as there are rows. From then on a slot is as long as its
    tokens, or as the drain if that is slower: all rows wait while the register before it is full.
    """
    closed = fill + 1 + rows * tokens + (sums - 1) * max(tokens, chain.least_pace())
    return closed + chain.drain + DRAIN_LATENCY


def chain_cycles(
    tokens_rk: NDArray[np.int64], pixel_groups: int, chain: Chain, fill: int = FILL_CYCLES, subarrays: int = 1
) -> int:
    """Follow every filter down the chain of rows.

    A row closes a filter with the next one's first token, at the earliest a cycle after its last token: once the row
    above has closed it, and the row below has taken enough of the sums before it. The last row's sums take
    ``chain.drain`` cycles. Repeated for each pixel group; stops once their time is periodic.

    Subarrays run the same tokens, and get their biases together. Their sums are taken in turn.
    """
    tokens = tokens_rk.T.tolist()
    idle = [_NEVER] * len(tokens_rk)
    state = _State([[fill + 1] * len(tokens_rk)] * subarrays, [[idle] * chain.depth] * subarrays, _NEVER)
    for left in reversed(range(pixel_groups)):
        before, state = state, _after_group(tokens, state, chain.drain)
        if 0 < left < pixel_groups - 1 and _is_periodic(tokens, chain.drain, before, state):
            break
    took = state.drained - before.drained
    return state.drained - 1 + left * took + DRAIN_LATENCY


@dataclass(frozen=True)
class _State:
    """Cycles between two pixel groups; lists of lists are by subarray.

    Members
    -------
    free : list of lists of int
        For each row: when it can accumulate the next filter's first token, if nothing waits.
    room : list of lists of lists of int
        For each of the next filters that a row can hold, and each row: the earliest cycle in which it may be closed.
    drained : int
        When the drain is free.
    """

    free: list[list[int]]
    room: list[list[list[int]]]
    drained: int

    @property
    def times(self) -> list[int]:
        """All of them, always in the same order."""
        rooms = (row for rooms in self.room for row in rooms)
        return [*chained.from_iterable(self.free), *chained.from_iterable(rooms), self.drained]

    def with_times(self, times: list[int]) -> _State:
        """As many others."""
        waiting = iter(times)

        def taken(like: list[int]) -> list[int]:
            return [next(waiting) for _ in like]

        free = [taken(rows) for rows in self.free]
        return _State(free, [[taken(rows) for rows in rooms] for rooms in self.room], next(waiting))


def _is_periodic(tokens: list[list[int]], drain: int, before: _State, after: _State) -> bool:
    """Whether all further pixel groups take as long as the one that led from ``before`` to ``after``.

    A pixel group is a linear map in the (max, +) algebra (Baccelli et al., Synchronization and Linearity, 1992): later
    inputs never give earlier outputs, and inputs delayed by a constant give outputs delayed by it. So further ones take
    at most as long if no time moved by more than the last drain did, and at least as long if the times that moved by
    exactly that much give the same result without the others, the rows that run ahead.
    """
    took = after.drained - before.drained
    moved = [new - old for old, new in zip(before.times, after.times, strict=True)]
    if max(moved) > took:
        return False
    if min(moved) == took:
        return True
    alone = [old if step == took else _NEVER for old, step in zip(before.times, moved, strict=True)]
    again = _after_group(tokens, before.with_times(alone), drain)
    return all(step < took or new == once for step, new, once in zip(moved, after.times, again.times, strict=True))


def _after_group(tokens: list[list[int]], state: _State, drain: int) -> _State:
    """Pass all filters down the rows, for one pixel group."""
    free, room = [list(rows) for rows in state.free], [list(rooms) for rooms in state.room]
    drained = state.drained
    for filter_tokens in tokens:
        bias = max(rows[0] for rows in free)
        for rows, rooms in zip(free, room, strict=True):
            taken = _after_filter(filter_tokens, rows, rooms.pop(0), bias)
            if drained <= rows[-1]:
                drained = rows[-1] + 1
            drained += drain
            taken[-1] = drained
            rooms.append(taken)
    return _State(free, room, drained)


def _after_filter(tokens: list[int], free: list[int], allowed: list[int], closed: int) -> list[int]:
    """Pass one filter down the rows of a subarray, whose first row gets a bias after cycle ``closed``.

    ``free`` is brought up to date. Returns when each row has room for another sum, the last one's still to be set. The
    model spends all its time here; comparisons are several times faster than calls of ``max``.
    """
    taken = list(free)
    for row, count in enumerate(tokens):
        after = free[row] + count
        if after <= closed:
            after = closed + 1
        if after < allowed[row]:
            after = allowed[row]
        free[row] = closed = after
        taken[row - 1] = after + 1
    return taken
