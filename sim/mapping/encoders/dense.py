"""``Dense``: one code per word."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from rtl.formats.dense import Dense
from sim.mapping.encoders.packer import Packer, RowPlan

__all__ = ["DensePacker"]


class DensePacker(Packer[Dense]):
    """Every position in order."""

    def plan(self, mask_kl: NDArray[np.bool_]) -> RowPlan:
        """One word per position."""
        if not mask_kl.all():
            raise CodesignError(
                f"a dense array stores levels without zero, but {int((~mask_kl).sum())} weights are pruned",
                "use dense0, which stores zeros in a bit more, or a sparse index format",
            )
        return RowPlan(np.full(len(mask_kl), mask_kl.shape[1], np.int64), mask_kl.size)

    def encode(self, levels_kl: NDArray[np.int16]) -> NDArray[np.uint64]:
        """Codes without an index."""
        return self.codes.encode(levels_kl.ravel())

    def decode(self, words: NDArray[np.uint64], plan: RowPlan, positions: int) -> NDArray[np.int16]:
        """One level per word."""
        levels = [self.codes.level(word) for word in words.tolist()]
        return np.array(levels, np.int16).reshape(-1, positions)
