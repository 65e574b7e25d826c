"""Levels as codes: equal-distance levels or powers of two, as ``ArrayConfig.levels`` says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError

__all__ = ["LevelCodes", "LinearCodes", "PowerCodes", "level_codes", "power_bits"]


@dataclass(frozen=True)
class LevelCodes(ABC):
    """What codes of so many bits stand for; none stands for zero."""

    bits: int

    @abstractmethod
    def encode(self, levels: NDArray[np.int16]) -> NDArray[np.uint64]:
        """The codes of levels, which are nonzero or ignored."""

    @abstractmethod
    def level(self, code: int) -> int:
        """The level of one code."""

    def with_sum(self, total: int, count: int) -> list[int]:
        """``count`` levels with the sum ``total``, 0 or one of them, of magnitudes at most max(abs(total), 2).

        >>> LinearCodes(4).with_sum(5, 2), LinearCodes(4).with_sum(1, 2), LinearCodes(4).with_sum(0, 3)
        ([4, 1], [2, -1], [1, 1, -2])
        """
        if total == 0:
            return [1, -1] * (count // 2) if count % 2 == 0 else [1, 1, -2, *([1, -1] * ((count - 3) // 2))]
        pairs = [1, -1] * ((count - 1) // 2)
        if count % 2:
            return [total, *pairs]
        return [*({1: [2, -1], -1: [-2, 1]}.get(total) or self._halves(total)), *pairs]

    @abstractmethod
    def _halves(self, total: int) -> list[int]:
        """Two levels with the sum of a level beyond -1..1."""


@dataclass(frozen=True)
class LinearCodes(LevelCodes):
    """-2^(n-1)..-1 and 1..2^(n-1): two's complement without zero, so that 1 is stored as 0 (003 section 3.4.2)."""

    def encode(self, levels: NDArray[np.int16]) -> NDArray[np.uint64]:
        """A positive level is stored as one less."""
        wide = levels.astype(np.int64)
        return ((wide - (wide > 0)) & ((1 << self.bits) - 1)).astype(np.uint64)

    def level(self, code: int) -> int:
        """One more than a code that is not negative."""
        return code - (1 << self.bits) if code >> (self.bits - 1) else code + 1

    def _halves(self, total: int) -> list[int]:
        return [total - 1, 1] if total > 0 else [total + 1, -1]


@dataclass(frozen=True)
class PowerCodes(LevelCodes):
    """-2^k and 2^k, 0 <= k < 2^(n-1): k in the low bits, the sign above."""

    def encode(self, levels: NDArray[np.int16]) -> NDArray[np.uint64]:
        """Exponent and sign."""
        wide = levels.astype(np.int64)
        exponents = np.log2(np.maximum(np.abs(wide), 1)).astype(np.uint64)
        return exponents | (wide < 0).astype(np.uint64) << np.uint64(self.bits - 1)

    def level(self, code: int) -> int:
        """A power of two, negative where the highest bit says so."""
        negative, exponent = divmod(code, 1 << (self.bits - 1))
        return -(1 << exponent) if negative else 1 << exponent

    def _halves(self, total: int) -> list[int]:
        return [total // 2, total // 2]


_KINDS: dict[str, type[LevelCodes]] = {"linear": LinearCodes, "powers": PowerCodes}


def level_codes(levels: str, bits: int) -> LevelCodes:
    """The codes of ``ArrayConfig.levels``."""
    return _KINDS[levels](bits)


def power_bits(name: str, levels: Iterable[int] | NDArray[np.int16]) -> int:
    """Bits of ``PowerCodes`` that have all nonzero ``levels`` among them; CodesignError if one is no power of two."""
    magnitudes = np.unique(np.abs(np.asarray(levels, np.int64)))
    magnitudes = magnitudes[magnitudes != 0]
    others = magnitudes[(magnitudes & (magnitudes - 1)) != 0]
    if len(others):
        raise CodesignError(
            f"{name} has the level {int(others[0])}, which is not a power of two",
            'generate an array with levels "linear", or quantize with values = "powers"',
        )
    largest = int(magnitudes.max(initial=1)).bit_length() - 1
    return 1 + largest.bit_length()
