"""``DenseZeros``: a code a word, and whether it is a weight."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtl.formats.dense_zeros import DenseZeros
from sim.mapping.encoders.packer import Packer, RowPlan

__all__ = ["DenseZerosPacker"]


class DenseZerosPacker(Packer[DenseZeros]):
    """Every position in order; the word of a pruned one is 0."""

    def plan(self, mask_kl: NDArray[np.bool_]) -> RowPlan:
        """A word a position, whatever the mask."""
        return RowPlan(np.full(len(mask_kl), mask_kl.shape[1], np.int64), mask_kl.size)

    def encode(self, levels_kl: NDArray[np.int16]) -> NDArray[np.uint64]:
        """Codes below the bit that says so."""
        levels = levels_kl.ravel()
        weights = self.codes.encode(levels) | np.uint64(1 << self.weight_bits)
        return np.where(levels != 0, weights, np.uint64(0))

    def decode(self, words: NDArray[np.uint64], plan: RowPlan, positions: int) -> NDArray[np.int16]:
        """A level a word, or 0."""
        flag = 1 << self.weight_bits
        levels = [self.codes.level(word - flag) if word & flag else 0 for word in words.tolist()]
        return np.array(levels, np.int16).reshape(-1, positions)
