"""What a run of the array needs from the load stream, from its plan alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from rtl.array.write_bus import LayerRegister, Space, rows_of
from rtl.axi.packets import data_beats, header_beats
from rtl.config import ArrayConfig
from rtl.widths import row_registers
from sim.mapping.plan import LayerPlan
from sim.mapping.slices import RowSlice

__all__ = ["Segment", "run_segments", "segment_beats"]

_BEFORE_ROWS = (Space.LAYER, Space.BIAS)
_OF_ROWS = (Space.ROW, Space.WEIGHT, Space.TABLE)


class Segment(NamedTuple):
    """``words`` words for neighbouring addresses of one bank, or of registers."""

    space: Space
    words: int


def segment_beats(config: ArrayConfig, segment: Segment) -> int:
    """Beats of the load stream, header included."""
    return header_beats(config) + data_beats(config, segment.space, segment.words)


def run_segments(plan: LayerPlan, config: ArrayConfig, spaces: Collection[Space] = tuple(Space)) -> tuple[Segment, ...]:
    """The packet of one run, as ``sim.simulate.load_packets`` makes it of the run's writes and START behind them.

    ``spaces``: what is loaded; the rest stays as the run before left it.
    """
    return tuple(segment for segment in _segments(plan, config) if segment.space in spaces)


def _segments(plan: LayerPlan, config: ArrayConfig) -> Iterator[Segment]:
    slices, filters = plan.slices, plan.tokens_rk.shape[1]
    yield Segment(Space.LAYER, len(LayerRegister))
    yield Segment(Space.BIAS, filters)
    rows = range(plan.layout.subarrays * len(slices))
    for row in rows:
        part = row % len(slices)
        counts = {
            Space.ROW: len(list(row_registers(config))),
            Space.WEIGHT: plan.rows[part].words,
            Space.TABLE: _table_words(plan, config, slices[part]),
        }
        for space, words in counts.items():
            if row < rows_of(config, space):
                yield Segment(space, words)
    for row in rows:
        channels = plan.channels if plan.lockstep else max(1, len(slices[row % len(slices)].channels))
        yield Segment(Space.ACTIVATION, plan.layout.words(channels))
    yield Segment(Space.COMMAND, 1)


def _table_words(plan: LayerPlan, config: ArrayConfig, part: RowSlice) -> int:
    positions = len(part.taps) if config.index.counts_positions and part.positions else part.positions
    return config.index.leading_positions + max(1, positions)
