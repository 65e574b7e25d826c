"""The N:M format: what it refuses and how it fills groups up."""

from __future__ import annotations

import numpy as np
import pytest

from compress.base.errors import CodesignError
from rtl.formats.nm import NM
from sim.mapping.encoders.nm import NMPacker
from sim.mapping.level_codes import LinearCodes


@pytest.mark.parametrize(
    ("index", "bits", "row", "told"),
    [
        (NM(2, 4), 8, [1, 1, 0, 1], "stores 2 of 4 .* 3 nonzeros"),
        (NM(1, 4), 8, [0, 0, 0, 0], "all zero"),
        (NM(2, 4), 1, [0, 1, 0, 0], "fill"),
        (NM(2, 4), 8, [1, 1, 0, 0, 0], "all zero"),
    ],
    ids=["too many", "empty group of one word", "one bit", "empty last position"],
)
def test_a_mask_that_breaks_the_pattern_is_refused(index: NM, bits: int, row: list[int], told: str) -> None:
    with pytest.raises(CodesignError, match=told):
        NMPacker(index, LinearCodes(bits)).plan(np.array([row], np.bool_))


def test_every_filter_takes_n_words_of_every_m_positions() -> None:
    mask = np.array([[1, 0, 0, 1, 0, 1, 1, 0, 1], [0, 0, 0, 0, 1, 0, 0, 0, 1]], np.bool_)
    assert NMPacker(NM(2, 4), LinearCodes(8)).plan(mask).tokens_k.tolist() == [5, 5]
