"""Index formats of the weight banks: how a bank's words say which positions its levels have.

A format is one frozen class here, a decoder in ``rtl.formats`` and a packer in ``sim.mapping.encoders``.
docs/hardware.md gives each format bit by bit.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import astuple, dataclass
from typing import ClassVar

from compress.base.errors import CodesignError

__all__ = [
    "FORMATS",
    "NM",
    "Bitmap",
    "Decompress",
    "Dense",
    "Fixed",
    "IndexFormat",
    "Rice",
    "format_examples",
    "parse_index",
]


class IndexFormat(ABC):
    """What the array needs to know of a format.

    Members
    -------
    pattern : str
        What ``str`` prints, with a place ``{}`` for each member.
    example : str
    registers : tuple of str
        Registers of a row beside ``last_word``; ``rtl.widths.row_registers`` has their widths.
    counts_positions : bool
        Every position is executed, also where its weight is zero: positions are counted, not stored.
    leading_positions : int
        Positions before a filter's first that have no weight.
    """

    pattern: ClassVar[str]
    example: ClassVar[str]
    registers: ClassVar[tuple[str, ...]] = ("positions",)
    counts_positions: ClassVar[bool] = False
    leading_positions: ClassVar[int] = 0

    @abstractmethod
    def word_bits(self, weight_bits: int) -> int:
        """Bits of a weight bank word."""

    def least_bits(self, weight_bits: int) -> int:
        """The fewest bits a nonzero can take in the bank."""
        return self.word_bits(weight_bits)

    def __str__(self) -> str:
        return self.pattern.format(*astuple(self))  # type: ignore[call-overload]


@dataclass(frozen=True)
class Dense(IndexFormat):
    """No index: every position's weight is stored, none is zero."""

    pattern: ClassVar[str] = "dense"
    example: ClassVar[str] = "dense"
    registers: ClassVar[tuple[str, ...]] = ("last_tap", "last_channel", "plane")
    counts_positions: ClassVar[bool] = True

    def word_bits(self, weight_bits: int) -> int:
        """One code."""
        return weight_bits


@dataclass(frozen=True)
class Fixed(IndexFormat):
    """Relative index of ``gap_bits`` (003, after Han): pruned positions skipped before the nonzero.

    The gap of all ones is no gap: with a code of 0 it is a filler that skips 2**gap_bits - 1 positions,
    with a code of all ones it ends the filter. A real gap is therefore 0..2**gap_bits - 2.
    """

    gap_bits: int = 4
    pattern: ClassVar[str] = "fixed{}"
    example: ClassVar[str] = "fixed4"

    def __post_init__(self) -> None:
        _check("gap_bits", self.gap_bits, 1, 12, "4 is what the papers use")

    def word_bits(self, weight_bits: int) -> int:
        """Gap and code."""
        return self.gap_bits + weight_bits

    @property
    def escape(self) -> int:
        """The gap field that marks a filler or the end of a filter; also the positions a filler skips."""
        return (1 << self.gap_bits) - 1


@dataclass(frozen=True)
class Bitmap(IndexFormat):
    """One bit a position, a 1 followed by its code: a stream of bits in words, read ``window`` bits a cycle.

    A cycle passes ``window`` zeros, or fewer and the nonzero behind them. The bit before each filter's positions is 1
    where the filter is empty.
    """

    window: int = 8
    pattern: ClassVar[str] = "bitmap{}"
    example: ClassVar[str] = "bitmap8"
    registers: ClassVar[tuple[str, ...]] = ("positions", "first_bit")
    leading_positions: ClassVar[int] = 1

    def __post_init__(self) -> None:
        _check("bitmap window", self.window, 1, 32, "8 suits densities above a tenth")

    def word_bits(self, weight_bits: int) -> int:
        """The longest token, so that a word a cycle is enough."""
        return self.window + weight_bits

    def least_bits(self, weight_bits: int) -> int:
        """A 1 and the code."""
        return 1 + weight_bits


@dataclass(frozen=True)
class Rice(IndexFormat):
    """Golomb-Rice gaps: code, quotient by 2**k in unary, k bits of remainder; k is a register of each row.

    A quotient is 0..window - 1: so many zeros, then a 1. ``window`` zeros and no 1 are an escape, with a remainder of
    0: a code of 0 is then a filler that skips window * 2**k positions, a code of all ones ends the filter.
    """

    max_remainder_bits: int = 7
    pattern: ClassVar[str] = "rice{}"
    example: ClassVar[str] = "rice7"
    registers: ClassVar[tuple[str, ...]] = ("positions", "first_bit", "remainder_bits")
    window: ClassVar[int] = 6

    def __post_init__(self) -> None:
        _check("remainder bits of rice", self.max_remainder_bits, 0, 12, "7 suits densities down to 1/200")

    def word_bits(self, weight_bits: int) -> int:
        """The longest token, so that a word a cycle is enough."""
        return self.window + weight_bits + self.max_remainder_bits

    def least_bits(self, weight_bits: int) -> int:
        """A 1, the code, and no remainder."""
        return 1 + weight_bits


@dataclass(frozen=True)
class NM(IndexFormat):
    """``n`` words for every ``m`` consecutive positions of a row, each a code and an offset within the group.

    The last group of a filter may be shorter; it has no more words than positions. A group with fewer nonzeros than
    words has levels that add up to them.
    """

    n: int = 2
    m: int = 4
    pattern: ClassVar[str] = "nm{}of{}"
    example: ClassVar[str] = "nm2of4"
    registers: ClassVar[tuple[str, ...]] = ("last_filter_word",)

    def __post_init__(self) -> None:
        _check("m of n:m", self.m, 2, 64, "4 is what others use")
        _check("n of n:m", self.n, 1, self.m - 1, "n is smaller than m")

    @property
    def offset_bits(self) -> int:
        """Bits of an offset 0..m - 1."""
        return (self.m - 1).bit_length()

    def word_bits(self, weight_bits: int) -> int:
        """Offset and code."""
        return self.offset_bits + weight_bits


@dataclass(frozen=True)
class Decompress(IndexFormat):
    """Stored as a bitmap, executed as if dense: zeros are multiplied too. Saves SRAM, no cycles."""

    pattern: ClassVar[str] = "decompress"
    example: ClassVar[str] = "decompress"
    registers: ClassVar[tuple[str, ...]] = ("last_tap", "last_channel", "plane", "first_bit")
    counts_positions: ClassVar[bool] = True

    def word_bits(self, weight_bits: int) -> int:
        """The longest token, so that a word a cycle is enough."""
        return 1 + weight_bits


FORMATS: tuple[type[IndexFormat], ...] = (Dense, Fixed, Bitmap, Rice, NM, Decompress)


def parse_index(text: str) -> IndexFormat:
    """A format from what ``str`` prints of it."""
    for kind in FORMATS:
        found = re.fullmatch(kind.pattern.replace("{}", r"(\d{1,3})"), text, re.ASCII)
        if found:
            return kind(*map(int, found.groups()))
    raise CodesignError(
        f"unknown index format {text!r}", f"use one of {format_examples()}, with other numbers where you like"
    )


def format_examples() -> str:
    """One of each format, for help and messages."""
    return ", ".join(kind.example for kind in FORMATS)


def _check(name: str, value: int, low: int, high: int, advice: str) -> None:
    if not isinstance(value, int) or not low <= value <= high:
        raise CodesignError(f"{name} must be {low}..{high}, not {value}", advice)
