"""Exact cycles of a layer on the array: the same count as the RTL's cycle counter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtl.decoders.registry import DECODERS
from rtl.drain import DRAIN_LATENCY
from rtl.indexformats import IndexFormat
from sim.plan import LayerPlan

__all__ = ["FILL_CYCLES", "chain_cycles", "fewest_cycles", "fill_cycles", "layer_cycles"]

FILL_CYCLES = 7
"""Cycles before the first token can be accumulated: fetch, word, decode, table, bank, align, multiply."""


def fill_cycles(index: IndexFormat) -> int:
    """``FILL_CYCLES``, and the decoder's further stages."""
    return FILL_CYCLES + DECODERS[type(index)].extra_latency


def layer_cycles(plan: LayerPlan, requant_lanes: int = 1) -> int:
    """Cycles in which the array is busy, with results taken as they come."""
    groups = plan.layout.lanes // requant_lanes
    return chain_cycles(plan.tokens_rk, plan.layout.tiles, groups, fill_cycles(plan.index))


def fewest_cycles(plan: LayerPlan, requant_lanes: int = 1) -> int:
    """A lower bound on ``layer_cycles``: the busiest row, or the drain, never waits."""
    groups = plan.layout.lanes // requant_lanes
    busiest_row = int(plan.tokens_rk.sum(axis=1).max())
    busiest = max(busiest_row, plan.tokens_rk.shape[1] * (groups + 1))
    return fill_cycles(plan.index) + busiest * plan.layout.tiles + DRAIN_LATENCY


def chain_cycles(tokens_rk: NDArray[np.int64], tiles: int, groups: int, fill: int = FILL_CYCLES) -> int:
    """Follow every filter down the chain of rows.

    Row r executes the first token of a filter after row r - 1 has left its sum, and the last one after the sum
    before it was taken; then the sums drain in ``groups`` cycles. Tiles repeat: as soon as one tile leaves the
    rows in the same relative state as the one before, the others take as long.
    """
    tokens = tokens_rk.T.tolist()
    rows = len(tokens_rk)
    ended = [fill] * rows
    taken = [-1] * rows
    previous: tuple[int, ...] | None = None
    tile_ended = 0
    for tile in range(tiles):
        _run_tile(tokens, ended, taken, groups)
        now = taken[-1]
        state = tuple(now - at for at in ended + taken)
        if state == previous:
            return now + (tiles - 1 - tile) * (now - tile_ended) + DRAIN_LATENCY
        previous, tile_ended = state, now
    return taken[-1] + DRAIN_LATENCY


def _run_tile(tokens: list[list[int]], ended: list[int], taken: list[int], groups: int) -> None:
    """Advance the rows by all filters: ``ended`` is when a row's last token ran, ``taken`` when its sum left.

    All the model's time is spent here; comparisons are several times as quick as calls of ``max``.
    """
    for filter_tokens in tokens:
        above = -1
        for row, count in enumerate(filter_tokens):
            start = ended[row] + 1
            if start <= above:
                start = above + 1
            end = start + count - 1
            if end <= taken[row]:
                end = taken[row] + 1
            if count == 1:
                start = end
            if row:
                taken[row - 1] = start
            ended[row] = above = end
        taken[-1] = above + groups
