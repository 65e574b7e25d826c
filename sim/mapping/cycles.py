"""Exact cycles of a layer on the array: the same count as the RTL's cycle counter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtl.array.drain import DRAIN_LATENCY
from rtl.formats.index_format import IndexFormat
from sim.mapping.plan import LayerPlan

__all__ = ["FILL_CYCLES", "chain_cycles", "fewest_cycles", "fill_cycles", "layer_cycles"]

FILL_CYCLES = 7
"""Cycles before the first token can be accumulated: fetch, word, decode, table, bank, align, multiply."""

_NEVER = -(1 << 60)
"""Earlier than any cycle by more than the length of any layer."""


def fill_cycles(index: IndexFormat) -> int:
    """``FILL_CYCLES`` plus the decoder's extra stages."""
    return FILL_CYCLES + index.decoder.extra_latency


def layer_cycles(plan: LayerPlan, requant_lanes: int = 1) -> int:
    """Cycles in which the array is busy while the receiver is always ready."""
    drain = plan.layout.lanes // requant_lanes
    return chain_cycles(plan.tokens_rk, plan.layout.pixel_groups, drain, fill_cycles(plan.index))


def fewest_cycles(plan: LayerPlan, requant_lanes: int = 1) -> int:
    """A lower bound on ``layer_cycles``: the busiest row or the drain, whichever is slower, without waiting."""
    drain = plan.layout.lanes // requant_lanes
    busiest_row = int(plan.tokens_rk.sum(axis=1).max())
    filters: int = plan.tokens_rk.shape[1]
    busiest = max(busiest_row, filters * (drain + 1))
    return fill_cycles(plan.index) + busiest * plan.layout.pixel_groups + DRAIN_LATENCY


def chain_cycles(tokens_rk: NDArray[np.int64], pixel_groups: int, drain: int, fill: int = FILL_CYCLES) -> int:
    """Follow every filter down the chain of rows.

    Row r executes a filter's first token once row r - 1 has left its sum, and its last token once its own previous sum
    was taken; the last row's sums take ``drain`` cycles. Repeated for each pixel group; stops once
    their time is periodic.
    """
    tokens = tokens_rk.T.tolist()
    rows = len(tokens_rk)
    state = [fill + 1] * rows + [0] * rows
    for left in reversed(range(pixel_groups)):
        before, state = state, _after_group(tokens, state, drain)
        if 0 < left < pixel_groups - 1 and _is_periodic(tokens, drain, before, state):
            break
    took = state[-1] - before[-1]
    drained = state[-1] - 2 + left * took  # two cycles before the last row is freed
    return drained + DRAIN_LATENCY


def _is_periodic(tokens: list[list[int]], drain: int, before: list[int], after: list[int]) -> bool:
    """Whether all further pixel groups take as long as the one that led from ``before`` to ``after``.

    A pixel group is a linear map in the (max, +) algebra (Baccelli et al., Synchronization and Linearity, 1992): later
    inputs never give earlier outputs, and inputs delayed by a constant give outputs delayed by it. So further ones take
    at most as long if no time moved by more than the last drain did, and at least as long if the times that moved by
    exactly that much give the same result without the others, the rows that run ahead.
    """
    took = after[-1] - before[-1]
    moved = [new - old for old, new in zip(before, after, strict=True)]
    if max(moved) > took:
        return False
    if min(moved) == took:
        return True
    alone = [old if step == took else _NEVER for old, step in zip(before, moved, strict=True)]
    again = _after_group(tokens, alone, drain)
    return all(step < took or new == once for step, new, once in zip(moved, after, again, strict=True))


def _after_group(tokens: list[list[int]], state: list[int], drain: int) -> list[int]:
    """Pass all filters down the rows, for one pixel group.

    The state holds, for each row, when it is free for the next filter's first token, then the earliest cycle in which
    it may be free for the filter after that: its last token runs a cycle after the previous sum was taken. The model
    spends all its time here; comparisons are several times faster than calls of ``max``.
    """
    rows = len(state) // 2
    free, freed = state[:rows], [*state[rows:], 0]
    for filter_tokens in tokens:
        above = _NEVER
        for row, count in enumerate(filter_tokens):
            start = free[row]
            if start < above:
                start = above
            above = start + count
            if above < freed[row]:
                above = freed[row]
                if count == 1:
                    start = above - 1
            free[row] = above
            freed[row - 1] = start + 2  # the first row's goes to the unused last place
        freed[row] = above + drain + 1
    return free + freed[:rows]
