"""``Decompress``: a bitmap that is executed position by position."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtl.formats.decompress import Decompress
from sim.mapping.encoders.bitstream import BitReader, stream_shape, to_words
from sim.mapping.encoders.packer import Packer, RowPlan

__all__ = ["DecompressPacker"]


class DecompressPacker(Packer[Decompress]):
    """One bit per position; a 1 is followed by its code."""

    def plan(self, mask_kl: NDArray[np.bool_]) -> RowPlan:
        """One token per position."""
        words, first_bit = stream_shape(mask_kl.size + int(mask_kl.sum()) * self.weight_bits, self.word_bits)
        return RowPlan(np.full(len(mask_kl), mask_kl.shape[1], np.int64), words, {"first_bit": first_bit})

    def encode(self, levels_kl: NDArray[np.int16]) -> NDArray[np.uint64]:
        """One field per position."""
        levels = levels_kl.ravel()
        kept = levels != 0
        fields = np.where(kept, self.codes.encode(levels) << np.uint64(1) | np.uint64(1), np.uint64(0))
        return to_words(fields, 1 + self.weight_bits * kept.astype(np.int64), self.word_bits)

    def decode(self, words: NDArray[np.uint64], plan: RowPlan, positions: int) -> NDArray[np.int16]:
        """Read position by position."""
        reader = BitReader(words, self.word_bits, plan.registers["first_bit"])
        levels = np.zeros((len(plan.tokens_k), positions), np.int16)
        for place in range(levels.size):
            if reader.number(1):
                levels.flat[place] = self.codes.level(reader.number(self.weight_bits))
        return levels
