"""What decoders are proved on: the packer's words for every mask of a few small filters, and what they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from rtl.formats.dense import Dense
from rtl.formats.index_format import IndexFormat
from sim.mapping.encoders.registry import make_packer

PLANE = 2
"""Activation words of a channel, where positions are counted."""


@dataclass(frozen=True)
class Example:
    """Words of one pass, the row's registers for them, the (K, L) levels packed, and the tokens of the pass."""

    words: list[int]
    registers: dict[str, int]
    levels: NDArray[np.int16]
    tokens: int
    first_position: int = 0
    taps: int = 0

    @property
    def filters(self) -> int:
        return len(self.levels)

    @property
    def weights(self) -> list[tuple[int, int, int, int]]:
        """(filter, position, base, level) of every weight in order."""
        return [
            (int(k), *self._place(int(position)), int(self.levels[k, position]))
            for k, position in np.argwhere(self.levels)
        ]

    def _place(self, position: int) -> tuple[int, int]:
        """Position and base, as tokens tell them: of ``taps`` a channel, where positions are counted."""
        if not self.taps:
            return position + self.first_position, 0
        return position % self.taps, PLANE * (position // self.taps)


def every_mask(filters: int, positions: int, index: IndexFormat, bits: int) -> list[Example]:
    """All masks of ``filters`` x ``positions`` that ``index`` can store."""
    return [
        Example(words, registers, levels, tokens, index.leading_positions)
        for levels, words, registers, tokens in _packed(filters, positions, index, bits)
    ]


def every_size(filters: int, most: int, index: IndexFormat, bits: int) -> list[Example]:
    """All masks of filters of 1..most taps in 1..most channels that ``index``, which counts positions, can store."""
    return [
        Example(
            words,
            {"last_tap": taps - 1, "last_channel": channels - 1, "plane": PLANE, **registers},
            levels,
            tokens,
            taps=taps,
        )
        for taps, channels in product(range(1, most + 1), repeat=2)
        for levels, words, registers, tokens in _packed(filters, taps * channels, index, bits)
    ]


def _packed(
    filters: int, positions: int, index: IndexFormat, bits: int
) -> Iterator[tuple[NDArray[np.int16], list[int], dict[str, int], int]]:
    packer = make_packer(index, bits)
    signs = np.where(np.arange(filters * positions) % 2, 1, -1).astype(np.int16)
    kept = (1,) if isinstance(index, Dense) else (0, 1)
    for mask in product(kept, repeat=filters * positions):
        levels = (signs * np.array(mask, np.int16)).reshape(filters, positions)
        try:
            plan = packer.plan(levels != 0)
        except CodesignError:  # a mask that the format refuses
            continue
        words = [int(word) for word in packer.encode(levels)]
        yield levels, words, {**plan.registers, "last_word": len(words) - 1}, int(plan.tokens_k.sum())
