"""Names and limits of the index formats."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from rtl.formats.bitmap import Bitmap
from rtl.formats.decompress import Decompress
from rtl.formats.dense import Dense
from rtl.formats.dense_zeros import DenseZeros
from rtl.formats.fixed import Fixed
from rtl.formats.index_format import IndexFormat
from rtl.formats.nm import NM
from rtl.formats.registry import FORMATS, format_examples, parse_index
from rtl.formats.rice import Rice
from tests.drawn import INDICES


@given(st.sampled_from(FORMATS).flatmap(INDICES.__getitem__))
def test_a_format_is_parsed_from_what_it_prints(index: IndexFormat) -> None:
    assert parse_index(str(index)) == index


@pytest.mark.parametrize("kind", FORMATS)
def test_the_examples_are_formats(kind: type[IndexFormat]) -> None:
    assert parse_index(kind.example) == kind()
    assert kind.example in format_examples()


@pytest.mark.parametrize(
    "text",
    ["", "fixed", "fixed0", "fixed13", "fixed-1", "rice", "rice13", "bitmap0", "nm2", "nm4of4", "nm0of4", "dense4"],
)
def test_an_unknown_format_is_refused(text: str) -> None:
    with pytest.raises(CodesignError, match="next:"):
        parse_index(text)


def test_word_bits_hold_the_longest_token() -> None:
    formats = (Dense(), Fixed(4), Bitmap(8), Rice(7), NM(2, 4), Decompress(), DenseZeros())
    assert [index.word_bits(5) for index in formats] == [5, 9, 13, 18, 7, 6, 6]
