"""Fields to words and back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sim.mapping.encoders.bitstream import BitReader, stream_shape, to_words

fields = st.lists(st.integers(0, 40).flatmap(lambda n: st.tuples(st.integers(0, max(0, 2**n - 1)), st.just(n))))


@given(fields, st.integers(1, 64))
def test_fields_survive_the_words(pairs: list[tuple[int, int]], word_bits: int) -> None:
    values = np.array([value for value, _ in pairs], np.uint64)
    lengths = np.array([length for _, length in pairs], np.int64)
    words = to_words(values, lengths, word_bits)
    count, first_bit = stream_shape(int(lengths.sum()), word_bits)
    assert len(words) == count
    reader = BitReader(words, word_bits, first_bit)
    assert [reader.number(length) for length in lengths.tolist()] == values.tolist()
    assert not pairs or not reader


def test_the_stream_ends_with_its_last_word() -> None:
    assert to_words(np.array([0b101], np.uint64), np.array([3]), 4).tolist() == [0b1010]


def test_zeros_are_counted_up_to_a_limit() -> None:
    reader = BitReader(np.array([0b0100_1000], np.uint64), 8, 0)
    assert [reader.zeros(2), reader.zeros(4), reader.zeros(9)] == [2, 1, 2]
