"""From a layer's accumulator to the codes of its outputs, in integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError

__all__ = ["Requantization"]

MULTIPLIER_BITS = 9
MAX_SHIFT = 32


@dataclass(frozen=True)
class Requantization:
    """Scale an accumulator back to activation bits: ``(acc * multiplier + 2**(shift-1)) >> shift``.

    Rounds half up (towards plus infinity), then saturates. ``0 < multiplier < 2**9`` and ``1 <= shift <= 32``.
    A requantizer's area goes with the multiplier's bits; nine of them place every output within 0.2 % of its scale.
    """

    multiplier: int
    shift: int

    def __post_init__(self) -> None:
        if not 0 < self.multiplier < 2**MULTIPLIER_BITS or not 1 <= self.shift <= MAX_SHIFT:
            raise CodesignError(
                f"requantization multiplier {self.multiplier}, shift {self.shift} is out of range",
                f"keep 0 < multiplier < 2^{MULTIPLIER_BITS} and 1 <= shift <= {MAX_SHIFT}",
            )

    @classmethod
    def from_scale(cls, scale: float) -> Requantization:
        """The closest multiplier and shift to a real ``scale``: a relative error of at most 2**-9 from 2**-23 on."""
        if not 0 < scale < 2 ** (MULTIPLIER_BITS - 2):
            raise CodesignError(
                f"requantization scale {scale:g} is out of range",
                f"calibrate the activations again; a scale must be positive and below 2^{MULTIPLIER_BITS - 2}",
            )
        shift = min(MULTIPLIER_BITS - int(np.frexp(scale)[1]), MAX_SHIFT)
        multiplier = max(1, round(scale * 2.0**shift))
        if multiplier == 2**MULTIPLIER_BITS:
            return cls(multiplier // 2, shift - 1)
        return cls(multiplier, shift)

    def scaled(self, sums: NDArray[np.int32 | np.int64]) -> NDArray[np.int32 | np.int64]:
        """Accumulators in units of the output, before saturation."""
        scaled = sums * self.multiplier
        scaled += 1 << (self.shift - 1)
        scaled >>= self.shift
        return scaled
