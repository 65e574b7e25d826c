"""``Bitmap(window)``: one bit a position, codes in between."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rtl.formats.bitmap import Bitmap
from sim.mapping.encoders.bitstream import BitReader, stream_shape, to_words
from sim.mapping.encoders.gaps import Step, place_steps
from sim.mapping.encoders.packer import Packer, RowPlan

__all__ = ["BitmapPacker"]


class BitmapPacker(Packer[Bitmap]):
    """A filter's first bit, 1 for an empty filter, then a bit per position.

    A 1 is followed by its code; that of an empty filter means nothing. Zeros after the last 1 of a pass are not stored.
    """

    def plan(self, mask_kl: NDArray[np.bool_]) -> RowPlan:
        """A token for each 1, and one for each ``window`` zeros before it."""
        marked = _marked(mask_kl)
        filters, positions = marked.shape
        ones, gaps = _ones(marked)
        passes = gaps // self.index.window
        first = np.repeat(ones - gaps, passes)
        nth = np.arange(int(passes.sum())) - np.repeat(np.cumsum(passes) - passes, passes)
        stops = np.concatenate([ones, first + (nth + 1) * self.index.window])
        tokens = np.bincount(stops // positions, minlength=filters).astype(np.int64)
        words, first_bit = stream_shape(int(gaps.sum()) + len(ones) * (1 + self.weight_bits), self.word_bits)
        return RowPlan(tokens, words, {"positions": positions, "first_bit": first_bit})

    def encode(self, levels_kl: NDArray[np.int16]) -> NDArray[np.uint64]:
        """Two fields for each 1: the zeros before it, and the 1 with its code."""
        marked = _marked(levels_kl != 0)
        ones, gaps = _ones(marked)
        levels = np.concatenate([np.ones((len(levels_kl), 1), np.int16), levels_kl], axis=1).ravel()[ones]
        fields = np.stack([np.zeros_like(levels, np.uint64), self.codes.encode(levels) << np.uint64(1)], axis=1)
        fields[:, 1] |= np.uint64(1)
        lengths = np.stack([gaps, np.full_like(gaps, 1 + self.weight_bits)], axis=1)
        return to_words(fields.ravel(), lengths.ravel(), self.word_bits)

    def decode(self, words: NDArray[np.uint64], plan: RowPlan, positions: int) -> NDArray[np.int16]:
        """Read run by run."""
        reader = BitReader(words, self.word_bits, plan.registers["first_bit"])
        return place_steps(self._steps(reader), len(plan.tokens_k), positions + 1)[:, 1:]

    def _steps(self, reader: BitReader) -> Iterator[Step]:
        while reader:
            zeros = reader.zeros(self.index.window)
            if zeros == self.index.window:
                yield Step(zeros)
            else:
                yield Step(zeros, self.codes.level(reader.number(self.weight_bits)))


def _marked(mask_kl: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(K, 1 + L): the mask behind the bit that marks an empty filter."""
    return np.concatenate([~mask_kl.any(axis=1, keepdims=True), mask_kl], axis=1)


def _ones(marked: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of the ones, all filters in sequence, and the zeros before each."""
    ones = np.flatnonzero(marked)
    return ones, np.diff(ones, prepend=-1) - 1
