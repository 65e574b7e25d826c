"""How the positions of nonzero weights are written as bits: one class per format, each with its exact inverse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError

__all__ = [
    "MAX_PARAMETER",
    "Bitmap",
    "Bits",
    "Dense",
    "Fixed",
    "IndexFormat",
    "Positions",
    "Rice",
    "best_rice",
    "bits_of",
    "values_of",
]

Bits = NDArray[np.uint8]  # zeros and ones
Positions = NDArray[np.int64]
MAX_PARAMETER = 24


class IndexFormat(Protocol):
    """A code for ``count`` rising positions in 0..size-1; size and count are known to the reader."""

    @property
    def name(self) -> str:
        """As reports print it."""

    def bits(self, positions: Positions, size: int) -> int:
        """Length of ``encode`` without making it."""

    def encode(self, positions: Positions, size: int) -> Bits:
        """The positions as zeros and ones."""

    def decode(self, stream: Bits, count: int, size: int) -> tuple[Positions, int]:
        """Positions from the front of a stream, and how many bits they took; ValueError if it ends too early."""


@dataclass(frozen=True)
class Dense:
    """No index: every weight is nonzero."""

    name = "dense"

    def bits(self, positions: Positions, size: int) -> int:
        """Nothing; a CodesignError if a weight was pruned."""
        if len(positions) != size:
            raise CodesignError("dense storage of a layer with pruned weights", "use an index format")
        return 0

    def encode(self, positions: Positions, size: int) -> Bits:
        """No bits."""
        return np.zeros(self.bits(positions, size), np.uint8)

    def decode(self, stream: Bits, count: int, size: int) -> tuple[Positions, int]:
        """Every position."""
        _check(count == size)
        return np.arange(size), 0


@dataclass(frozen=True)
class Bitmap:
    """One bit per position: 1 where the weight is nonzero."""

    name = "bitmap"

    def bits(self, positions: Positions, size: int) -> int:
        """``size``."""
        return size

    def encode(self, positions: Positions, size: int) -> Bits:
        """The mask."""
        stream = np.zeros(size, np.uint8)
        stream[positions] = 1
        return stream

    def decode(self, stream: Bits, count: int, size: int) -> tuple[Positions, int]:
        """The ones among the first ``size`` bits."""
        positions = np.flatnonzero(stream[:size])
        _check(len(positions) == count and len(stream) >= size)
        return positions, size


@dataclass(frozen=True)
class Fixed:
    """Relative index of ``gap_bits`` bits with fillers, as the papers store it.

    A word gives the gap, the zeros since the last nonzero: 0..2**b-2. All ones is a filler: 2**b - 1 zeros and no
    weight. The papers' filler is a zero weight with the largest gap; levels without zero have no code for one.
    """

    gap_bits: int

    def __post_init__(self) -> None:
        _check_parameter("gap_bits", self.gap_bits, 1)

    @property
    def name(self) -> str:
        """``fixed(b)``."""
        return f"fixed({self.gap_bits})"

    @property
    def _escape(self) -> int:
        return (1 << self.gap_bits) - 1

    def bits(self, positions: Positions, size: int) -> int:
        """``gap_bits`` for each nonzero and each filler."""
        return self.gap_bits * (len(positions) + int((_gaps(positions) // self._escape).sum()))

    def encode(self, positions: Positions, size: int) -> Bits:
        """Fillers, then the rest of the gap, for every position."""
        gaps = _gaps(positions)
        words = np.full(len(gaps) + int((gaps // self._escape).sum()), self._escape)
        words[np.cumsum(gaps // self._escape + 1) - 1] = gaps % self._escape
        return bits_of(words, self.gap_bits)

    def decode(self, stream: Bits, count: int, size: int) -> tuple[Positions, int]:
        """Adds up the words' gaps."""
        longest = count + size // self._escape
        words = values_of(stream[: min(longest, len(stream) // self.gap_bits) * self.gap_bits], self.gap_bits)
        weights = np.flatnonzero(words != self._escape)[:count]
        _check(len(weights) == count)
        used = int(weights[-1]) + 1 if count else 0
        skipped = np.cumsum(words[:used])
        return _in_range(skipped[weights] + np.arange(count), size), used * self.gap_bits


@dataclass(frozen=True)
class Rice:
    """Golomb-Rice code of the gaps: quotient by 2**k in unary (zeros, then a one), then k bits of remainder.

    All unary parts come first, then all remainders, so that a reader needs no loop over the weights.
    """

    remainder_bits: int

    def __post_init__(self) -> None:
        _check_parameter("remainder_bits", self.remainder_bits, 0)

    @property
    def name(self) -> str:
        """``rice(k)``."""
        return f"rice({self.remainder_bits})"

    def bits(self, positions: Positions, size: int) -> int:
        """1 + k per nonzero, and the quotients."""
        return len(positions) * (1 + self.remainder_bits) + int((_gaps(positions) >> self.remainder_bits).sum())

    def encode(self, positions: Positions, size: int) -> Bits:
        """Unary parts, then remainders."""
        gaps = _gaps(positions)
        ends = np.cumsum((gaps >> self.remainder_bits) + 1)
        unary = np.zeros(ends[-1] if len(ends) else 0, np.uint8)
        unary[ends - 1] = 1
        remainders = bits_of(gaps & ((1 << self.remainder_bits) - 1), self.remainder_bits)
        return np.concatenate([unary, remainders])

    def decode(self, stream: Bits, count: int, size: int) -> tuple[Positions, int]:
        """The distances of the ones are the quotients."""
        ends = np.flatnonzero(stream[: count + (size >> self.remainder_bits)])[:count]
        unary = int(ends[-1]) + 1 if len(ends) else 0
        used = unary + count * self.remainder_bits
        _check(len(ends) == count and used <= len(stream))
        quotients = np.diff(ends, prepend=-1) - 1
        remainders = values_of(stream[unary:used], self.remainder_bits) if self.remainder_bits else 0
        gaps = (quotients << self.remainder_bits) + remainders
        return _in_range(np.cumsum(gaps + 1) - 1, size), used


def best_rice(positions: Positions, size: int) -> Rice:
    """The Rice code with the fewest bits for these positions."""
    return min((Rice(k) for k in range(MAX_PARAMETER + 1)), key=lambda code: code.bits(positions, size))


def bits_of(values: NDArray[np.integer], width: int) -> Bits:
    """Each value as ``width`` bits, most significant first."""
    shifts = np.arange(width - 1, -1, -1)
    return ((values.astype(np.int64)[:, None] >> shifts) & 1).astype(np.uint8).reshape(-1)


def values_of(stream: Bits, width: int) -> NDArray[np.int64]:
    """The inverse of ``bits_of``; ``width`` is at least 1."""
    return np.asarray(stream.reshape(-1, width).astype(np.int64) @ (1 << np.arange(width - 1, -1, -1)))


def _gaps(positions: Positions) -> NDArray[np.int64]:
    return np.asarray(np.diff(positions, prepend=-1) - 1, np.int64)


def _in_range(positions: Positions, size: int) -> Positions:
    _check(len(positions) == 0 or int(positions[-1]) < size)
    return positions


def _check(consistent: bool) -> None:
    if not consistent:
        raise ValueError("the index stream does not fit its layer")


def _check_parameter(name: str, value: int, least: int) -> None:
    if not least <= value <= MAX_PARAMETER:
        raise CodesignError(f"{name} must be {least}..{MAX_PARAMETER}, not {value}", f"choose another {name}")
