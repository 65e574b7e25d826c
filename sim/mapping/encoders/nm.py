"""``NM(n, m)``: n words for every m positions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from rtl.formats.nm import NM
from sim.mapping.encoders.packer import Packer, RowPlan

__all__ = ["NMPacker"]


class NMPacker(Packer[NM]):
    """Offset in the high bits, code in the low ``weight_bits``.

    Zero has no code, so a group with fewer nonzeros than words names a position more than once, with levels whose sum
    is its level (or 0). A group with more nonzeros than words is refused.
    """

    def plan(self, mask_kl: NDArray[np.bool_]) -> RowPlan:
        """The same number of words for every filter."""
        words = self._words(mask_kl.shape[1])
        self._check(np.add.reduceat(mask_kl.astype(np.int64), self._starts(mask_kl.shape[1]), axis=1), words)
        tokens = np.full(len(mask_kl), words.sum(), np.int64)
        return RowPlan(tokens, int(tokens.sum()), {"last_filter_word": int(words.sum()) - 1})

    def _starts(self, positions: int) -> NDArray[np.int64]:
        return np.arange(0, positions, self.index.m)

    def _words(self, positions: int) -> NDArray[np.int64]:
        """(G,): words of each group of a filter."""
        return np.minimum(self.index.n, positions - self._starts(positions))

    def _check(self, nonzeros_kg: NDArray[np.int64], words_g: NDArray[np.int64]) -> None:
        index, most = self.index, int(nonzeros_kg.max())
        if most > index.n:
            raise CodesignError(
                f"{index} stores {index.n} of {index.m} neighbouring positions, but a row's group has {most} nonzeros",
                f"prune to {index.n} of {index.m} along the order of each row's positions, or use another index format",
            )
        if (words_g[None] - nonzeros_kg == 1)[nonzeros_kg == 0].any():
            raise CodesignError(
                f"a group of {index.m} neighbouring positions is all zero, and its only word cannot say so",
                "keep a weight in every group, or use another index format",
            )
        if self.weight_bits == 1 and ((words_g[None] - nonzeros_kg) % 2).any():
            raise CodesignError(
                f"levels -1 and 1 cannot fill the words of {index} in a group with fewer nonzeros",
                "generate an array with weight_bits = 2",
            )

    def encode(self, levels_kl: NDArray[np.int16]) -> NDArray[np.uint64]:
        """The nonzeros of a group in order, then its fillers."""
        filters, positions = levels_kl.shape
        words_g, m = self._words(positions), self.index.m
        places, levels = (np.zeros((filters, int(words_g.sum())), np.int64) for _ in range(2))
        k, position = np.nonzero(levels_kl)
        group = position // m
        key = k * len(words_g) + group
        nth = np.arange(len(key)) - np.searchsorted(key, key)
        places[k, group * self.index.n + nth] = position % m
        levels[k, group * self.index.n + nth] = levels_kl[k, position]
        counts = np.bincount(key, minlength=filters * len(words_g)).reshape(filters, -1)
        for row, short in np.argwhere(counts < words_g).tolist():
            first = short * self.index.n
            self._fill(places[row], levels[row], first, first + int(counts[row, short]), first + int(words_g[short]))
        offsets = places.astype(np.uint64) << np.uint64(self.weight_bits)
        return (offsets | self.codes.encode(levels.astype(np.int16))).ravel()

    def _fill(self, places: NDArray[np.int64], levels: NDArray[np.int64], first: int, used: int, end: int) -> None:
        """Split the group's last nonzero, or 0 at its first position, over the remaining words."""
        shared = max(first, used - 1)
        levels[shared:end] = self.codes.with_sum(int(levels[shared]) if used > first else 0, end - shared)
        places[shared:end] = places[shared]

    def decode(self, words: NDArray[np.uint64], plan: RowPlan, positions: int) -> NDArray[np.int16]:
        """Add up the levels of each position."""
        levels = np.zeros((len(plan.tokens_k), positions), np.int16)
        groups = np.repeat(np.arange(len(self._words(positions))), self._words(positions))
        for n, word in enumerate(words.tolist()):
            k, nth = divmod(n, len(groups))
            code = word & ((1 << self.weight_bits) - 1)
            levels[k, groups[nth] * self.index.m + (word >> self.weight_bits)] += self.codes.level(code)
        return levels
