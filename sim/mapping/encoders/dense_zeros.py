"""``DenseZeros``: a level a word, zeros too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtl.formats.dense_zeros import DenseZeros
from sim.mapping.encoders.packer import Packer, RowPlan

__all__ = ["DenseZerosPacker"]


class DenseZerosPacker(Packer[DenseZeros]):
    """Every position in order, as two's complement."""

    def plan(self, mask_kl: NDArray[np.bool_]) -> RowPlan:
        """A word a position, whatever the mask."""
        return RowPlan(np.full(len(mask_kl), mask_kl.shape[1], np.int64), mask_kl.size)

    def encode(self, levels_kl: NDArray[np.int16]) -> NDArray[np.uint64]:
        """Levels alone."""
        return (levels_kl.ravel().astype(np.int64) & ((1 << self.word_bits) - 1)).astype(np.uint64)

    def decode(self, words: NDArray[np.uint64], plan: RowPlan, positions: int) -> NDArray[np.int16]:
        """A level a word."""
        sign = 1 << (self.word_bits - 1)
        levels = (words.astype(np.int64) ^ sign) - sign
        return levels.astype(np.int16).reshape(-1, positions)
