"""The interface all packers share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from rtl.formats.index_format import IndexFormat
from sim.mapping.level_codes import LevelCodes

__all__ = ["Packer", "RowPlan"]

F = TypeVar("F", bound=IndexFormat)


@dataclass(frozen=True, eq=False)
class RowPlan:
    """What one row needs for one pass over all filters.

    Members
    -------
    tokens_k : (K,) int64
        Tokens of each filter, at least one; a token is a cycle.
    words : int
        Weight bank words.
    registers : dict
        Values of the row registers that the format declares.
    """

    tokens_k: NDArray[np.int64]
    words: int
    registers: dict[str, int] = field(default_factory=dict)


class Packer(ABC, Generic[F]):
    """One format's packer for some codes of levels. Masks and levels are (K, L): L positions of K filters."""

    def __init__(self, index: F, codes: LevelCodes) -> None:
        self.index, self.codes = index, codes

    @property
    def weight_bits(self) -> int:
        """Bits of a code."""
        return self.codes.bits

    @property
    def word_bits(self) -> int:
        """Bits of a weight bank word."""
        return self.index.word_bits(self.weight_bits)

    @abstractmethod
    def plan(self, mask_kl: NDArray[np.bool_]) -> RowPlan:
        """What the words need, from the mask alone; CodesignError for a mask that the format cannot store."""

    @abstractmethod
    def encode(self, levels_kl: NDArray[np.int16]) -> NDArray[np.uint64]:
        """The words, as many as planned."""

    @abstractmethod
    def decode(self, words: NDArray[np.uint64], plan: RowPlan, positions: int) -> NDArray[np.int16]:
        """(K, L) levels from the words: the software twin of the decoder."""
