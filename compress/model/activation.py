"""The type of an activation tensor: its shape, and what its codes mean."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError

__all__ = ["Activation", "Codes"]

Codes = NDArray[np.int16]
"""(N, ...) codes of N samples of an activation tensor."""

FEWEST_BITS, MOST_BITS = 4, 8
MAX_ELEMENTS = 1 << 30


@dataclass(frozen=True)
class Activation:
    """One tensor of one sample: ``real = scale * (code - zero_point)``.

    Members
    -------
    shape : tuple of int
        Without the batch axis: (C, H, W) of a map, (C,) of a vector, or any other.
    bits : 4..8
        Codes are unsigned, 0..2**bits - 1.
    scale : float
        The real distance of two codes.
    zero_point : int
        The code of a real 0; 0 behind a ReLU.
    signed : bool
        Codes are -2**(bits-1)..2**(bits-1) - 1 with the zero point 0: only a network's answer, which no layer reads.
    """

    shape: tuple[int, ...]
    bits: int
    scale: float
    zero_point: int = 0
    signed: bool = False

    def __post_init__(self) -> None:
        if not self.shape or min(self.shape) < 1 or math.prod(self.shape) > MAX_ELEMENTS:
            raise CodesignError(f"an activation has the shape {self.shape}", "give every axis a positive size")
        if not FEWEST_BITS <= self.bits <= MOST_BITS:
            raise CodesignError(
                f"an activation has {self.bits} bits", f"choose {FEWEST_BITS} to {MOST_BITS} activation bits"
            )
        if not math.isfinite(self.scale) or self.scale <= 0:
            raise CodesignError(
                f"an activation has the scale {self.scale}; it must be positive and finite", "calibrate the model again"
            )
        if not self.lowest <= self.zero_point <= self.highest or (self.signed and self.zero_point):
            raise CodesignError(
                f"an activation has the zero point {self.zero_point}, its codes are {self.lowest}..{self.highest}",
                "calibrate the model again",
            )

    @property
    def lowest(self) -> int:
        """The smallest code."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def highest(self) -> int:
        """The largest code."""
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1

    def encode(self, real: NDArray[np.floating]) -> Codes:
        """The closest codes, half to even, saturated."""
        codes = np.clip(np.rint(real / self.scale) + self.zero_point, self.lowest, self.highest)
        return np.asarray(codes, np.int16)

    def decode(self, codes: Codes) -> NDArray[np.float64]:
        """The real numbers that codes stand for."""
        return (codes.astype(np.float64) - self.zero_point) * self.scale
