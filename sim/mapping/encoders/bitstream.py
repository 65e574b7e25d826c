"""Fields of any length to words and back; the first bit of the stream is the lowest of its word."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["BitReader", "stream_shape", "to_words"]


def stream_shape(bits: int, word_bits: int) -> tuple[int, int]:
    """Number of words for ``bits``, and the first bit used in the first word: the stream ends with its last word.

    >>> stream_shape(20, 8)
    (3, 4)
    """
    words = max(1, -(-bits // word_bits))
    return words, words * word_bits - bits


def to_words(values: NDArray[np.uint64], lengths: NDArray[np.int64], word_bits: int) -> NDArray[np.uint64]:
    """Concatenate the ``lengths[i]`` low bits of each value, low bit first; words have at most 64 bits."""
    total = int(lengths.sum())
    words, first_bit = stream_shape(total, word_bits)
    bits = np.zeros(words * word_bits, np.uint64)
    starts = first_bit + np.cumsum(lengths) - lengths
    for place in range(int(lengths.max(initial=0))):
        inside = lengths > place
        bits[starts[inside] + place] = (values[inside] >> np.uint64(place)) & np.uint64(1)
    weights = np.uint64(1) << np.arange(word_bits, dtype=np.uint64)
    return np.asarray((bits.reshape(words, word_bits) * weights).sum(axis=1, dtype=np.uint64))


class BitReader:
    """Reads what ``to_words`` wrote; past the end it reads zeros."""

    def __init__(self, words: NDArray[np.uint64], word_bits: int, first_bit: int) -> None:
        places = np.arange(word_bits, dtype=np.uint64)
        self._bits = ((words[:, None] >> places) & np.uint64(1)).ravel().tolist()
        self._at = first_bit

    def __bool__(self) -> bool:
        return self._at < len(self._bits)

    def number(self, length: int) -> int:
        """The next ``length`` bits."""
        taken = self._bits[self._at : self._at + length]
        self._at += length
        return sum(bit << place for place, bit in enumerate(taken))

    def zeros(self, most: int) -> int:
        """Skip up to ``most`` zeros, and the 1 after them if there are fewer; returns the number of zeros."""
        for count in range(most):
            if self.number(1):
                return count
        return most
