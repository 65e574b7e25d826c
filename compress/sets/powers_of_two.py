"""Levels that are powers of two: multiplying by one is a shift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from compress.base.errors import CodesignError
from compress.model.layer import MAX_WEIGHT_BITS
from compress.sets.intervals import best_interval

__all__ = ["MAX_CODE_BITS", "PowersOfTwo", "exponents_of", "search_power_interval"]

MAX_CODE_BITS = 4
"""A sign and three bits of exponent: levels to 2^7, the largest of 8 bits."""


@dataclass(frozen=True, eq=False)
class PowersOfTwo:
    """Levels without zero whose magnitudes are powers of two: {-2^(n-1) q .. -2 q, -q, q, 2 q .. 2^(n-1) q}.

    As equal-distance levels they need n bits (``weight_bits``), as a codebook one bit for the sign and those of n
    exponents. Pruned weights stay zero, which they are is as in ``Levels``.

    >>> PowersOfTwo(exponents=3, interval=0.5).project(torch.tensor([0.1, -0.8, 0.0, 7.0]))
    tensor([ 0.5000, -1.0000,  0.0000,  2.0000])
    """

    exponents: int
    interval: float
    mask: Tensor | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.exponents <= MAX_WEIGHT_BITS:
            raise CodesignError(f"exponents must be 1..{MAX_WEIGHT_BITS}, not {self.exponents}", "choose fewer or more")
        if not 0 < self.interval < float("inf"):
            raise CodesignError(f"interval must be positive and finite, not {self.interval}", "search it again")

    @property
    def weight_bits(self) -> int:
        """Of equal-distance levels that have all of these among them."""
        return self.exponents

    def project(self, weights: Tensor) -> Tensor:
        """Every kept weight's closest level times q, the larger magnitude of two equally close."""
        return self.levels(weights).to(weights.dtype) * self.interval

    def levels(self, weights: Tensor) -> Tensor:
        """The projection's levels: int16, 0 where pruned, else +-2^k, 0 <= k < n. A kept 0.0 gets level 1."""
        steps = weights.detach().abs().double() / self.interval
        halfway = 1.5 * 2.0 ** torch.arange(self.exponents - 1, dtype=torch.float64, device=weights.device)
        magnitudes = torch.ones_like(steps, dtype=torch.int16) << torch.bucketize(steps, halfway, right=True).short()
        kept = weights != 0 if self.mask is None else self.mask
        return torch.where(kept, torch.where(weights < 0, -magnitudes, magnitudes), torch.zeros_like(magnitudes))


def exponents_of(code_bits: int) -> int:
    """Powers of two that a sign and ``code_bits - 1`` bits of exponent tell apart."""
    if not 1 <= code_bits <= MAX_CODE_BITS:
        raise CodesignError(
            f"powers of two of {code_bits} bits would go to 2^{2 ** (code_bits - 1) - 1}, beyond 8-bit levels",
            f"choose weight_bits 1 to {MAX_CODE_BITS}, or equal-distance levels",
        )
    return 1 << (code_bits - 1)


def search_power_interval(weights: Tensor, exponents: int) -> float:
    """The q of ``PowersOfTwo`` with the least squared error over the nonzero weights (``best_interval``)."""
    return best_interval(weights, 1 << np.arange(exponents))
