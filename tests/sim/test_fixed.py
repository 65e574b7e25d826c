"""The fixed(b) format: words there and back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rtl.config import Fixed
from sim.fixed import decode_fixed, encode_fixed, fixed_words
from tests.support import draw_levels

cases = st.tuples(
    st.integers(1, 9),
    st.integers(1, 90),
    st.integers(1, 6),
    st.integers(1, 8),
    st.sampled_from([0.0, 0.01, 0.05, 0.2, 0.7, 1.0]),
    st.integers(0, 2**16),
)


@given(cases)
def test_levels_survive_the_words(case):
    filters, positions, gap_bits, bits, density, seed = case
    levels = draw_levels((filters, positions), bits, density, seed)
    words = encode_fixed(levels, Fixed(gap_bits), bits)
    np.testing.assert_array_equal(decode_fixed(words, Fixed(gap_bits), bits, filters, positions), levels)
    assert words.max() < 1 << (gap_bits + bits)


@given(cases)
def test_the_count_of_words_needs_only_the_mask(case):
    filters, positions, gap_bits, bits, density, seed = case
    levels = draw_levels((filters, positions), bits, density, seed)
    words = fixed_words(levels != 0, Fixed(gap_bits))
    assert words.min() >= 1
    assert words.sum() == len(encode_fixed(levels, Fixed(gap_bits), bits))


def test_a_layer_without_zeros_takes_a_word_a_weight():
    mask = np.ones((5, 12), np.bool_)
    assert fixed_words(mask, Fixed(4)).tolist() == [12] * 5


def test_an_empty_filter_takes_one_word_however_long_it_is():
    mask = np.zeros((3, 5000), np.bool_)
    assert fixed_words(mask, Fixed(4)).tolist() == [1, 1, 1]


def test_a_run_longer_than_the_field_is_filled():
    mask = np.zeros((1, 40), np.bool_)
    mask[0, [0, 35]] = True
    assert fixed_words(mask, Fixed(4)).tolist() == [2 + 34 // 15]
