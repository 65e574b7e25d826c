"""``Fixed(b)``: a gap and a code per word."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rtl.formats.fixed import Fixed
from sim.mapping.encoders.gaps import RowGaps, Step, place_steps
from sim.mapping.encoders.packer import Packer, RowPlan

__all__ = ["FixedPacker"]


class FixedPacker(Packer[Fixed]):
    """Gap in the high bits, code in the low ``weight_bits``; fillers bridge a gap longer than the field."""

    def plan(self, mask_kl: NDArray[np.bool_]) -> RowPlan:
        """One word per step."""
        tokens = RowGaps(mask_kl).steps(self.index.escape).tokens_k
        return RowPlan(tokens, int(tokens.sum()), {"positions": mask_kl.shape[1]})

    def encode(self, levels_kl: NDArray[np.int16]) -> NDArray[np.uint64]:
        """The escape gap is a filler with code 0, and ends the filter with a code of all ones."""
        steps = RowGaps(levels_kl != 0).steps(self.index.escape)
        escape = self.index.escape << self.weight_bits
        words = np.full(len(steps.marks), escape | ((1 << self.weight_bits) - 1), np.uint64)
        codes = self.codes.encode(levels_kl[levels_kl != 0])
        words[~steps.marks] = steps.gap[~steps.marks].astype(np.uint64) << np.uint64(self.weight_bits) | codes
        return steps.spread(words, escape)

    def decode(self, words: NDArray[np.uint64], plan: RowPlan, positions: int) -> NDArray[np.int16]:
        """Split each word into gap and code."""
        return place_steps(self._steps(words), len(plan.tokens_k), positions)

    def _steps(self, words: NDArray[np.uint64]) -> Iterator[Step]:
        for word in words.tolist():
            gap, code = word >> self.weight_bits, word & ((1 << self.weight_bits) - 1)
            if gap != self.index.escape:
                yield Step(gap, self.codes.level(code))
            else:
                yield Step(0, ends_filter=True) if code & 1 else Step(gap)
