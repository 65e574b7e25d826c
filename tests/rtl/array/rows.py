"""Rows drawn by Hypothesis: levels of some positions, packed, and how long each neighbour keeps the row waiting."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from rtl.config import ArrayConfig
from rtl.formats.dense import Dense
from rtl.formats.index_format import IndexFormat
from rtl.formats.nm import NM
from rtl.widths import row_registers
from sim.mapping.encoders.registry import make_packer
from tests.drawn import INDICES, row_levels

PLANE = 3
"""Activation words of a channel, where positions are counted."""


@dataclass(frozen=True, eq=False)
class RowCase:
    """A row's share of a layer: (K, L) levels of ``channels`` times ``taps`` positions, for some tiles."""

    config: ArrayConfig
    levels: NDArray[np.int16]
    taps: int
    tiles: int
    words: list[int]
    registers: dict[str, int]
    tokens_k: NDArray[np.int64]

    def place(self, position: int) -> tuple[int, int]:
        """Address in the table, and activation words that ``offset`` adds to the tile."""
        if self.config.index.counts_positions:
            return position % self.taps, PLANE * (position // self.taps)
        return position + self.config.index.leading_positions, 0

    @property
    def table_words(self) -> int:
        """Words of the address table that the row looks at."""
        counted = self.config.index.counts_positions
        return self.taps if counted else self.levels.shape[1] + self.config.index.leading_positions

    def register_values(self) -> list[int]:
        """In the order of ``row_registers``."""
        return [self.registers[name] for name, _ in row_registers(self.config)]


def row_case(
    index: IndexFormat, levels: NDArray[np.int16], bits: int, taps: int, tiles: int, lanes: int, chain_depth: int = 1
) -> RowCase:
    """Pack ``levels`` for an array of one row with banks of just their size."""
    packer = make_packer(index, bits)
    plan, words = packer.plan(levels != 0), packer.encode(levels).tolist()
    channels = levels.shape[1] // taps
    counts = {"last_tap": taps - 1, "last_channel": channels - 1, "plane": PLANE} if index.counts_positions else {}
    depth = PLANE * channels + tiles + 8
    config = ArrayConfig(
        rows=1,
        lanes=lanes,
        weight_bits=bits,
        index=index,
        chain_depth=chain_depth,
        weight_depth=max(2, len(words)),
        table_depth=max(2, levels.shape[1] + index.leading_positions),
        activation_depth=depth + depth % 2,
    )
    registers = {**plan.registers, **counts, "last_word": len(words) - 1}
    return RowCase(config, levels, taps, tiles, words, registers, plan.tokens_k)


@st.composite
def row_cases(draw: st.DrawFn, kind: type[IndexFormat], most_lanes: int = 1) -> RowCase:
    """Empty filters, all-zero rows, one weight, and what lies between."""
    index, bits = draw(INDICES[kind]), draw(st.integers(1, 8))
    filters, channels, taps = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 6))
    density, seed = draw(st.sampled_from([0.0, 0.1, 0.4, 1.0])), draw(st.integers(0, 999))
    levels, bits = row_levels(index, (filters, channels * taps), bits, density, seed)
    if kind not in (Dense, NM):
        levels[draw(st.integers(0, filters - 1))] *= draw(st.integers(0, 1))
    tiles, lanes, chain_depth = draw(st.integers(1, 3)), draw(st.integers(1, most_lanes)), draw(st.integers(1, 3))
    return row_case(index, levels, bits, taps, tiles, lanes, chain_depth)


CORNERS = {
    "one weight": np.ones((1, 1), np.int16),
    "all zero": np.zeros((3, 2), np.int16),
    "empty filters around a full one": np.array([[0] * 6, [1] * 6, [0] * 6], np.int16),
    "only the last position": np.array([[0] * 11 + [-1]] * 2, np.int16),
}
"""Levels that the formats which store every mask must survive."""


class Stalls:
    """A neighbour that is there in a random fraction of the cycles; a sender keeps on offering until it is taken."""

    def __init__(self, waiting: float, seed: int) -> None:
        self._waiting, self._chooser = waiting, random.Random(seed)
        self._offers = False

    def ready(self) -> bool:
        """Whether the receiver takes something in this cycle."""
        return self._chooser.random() >= self._waiting

    def valid(self, taken: Any) -> bool:
        """Whether the sender offers in this cycle, after what it offered in the last one was ``taken`` or not."""
        self._offers = (self._offers and not taken) or self.ready()
        return self._offers


waits = st.sampled_from([0.0, 0.3, 0.8])
