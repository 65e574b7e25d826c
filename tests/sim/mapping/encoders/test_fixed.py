"""The fixed(b) format; that levels survive it is in test_registry.py."""

from __future__ import annotations

import numpy as np

from rtl.formats.fixed import Fixed
from sim.mapping.encoders.fixed import FixedPacker
from sim.mapping.level_codes import LinearCodes

PACKER = FixedPacker(Fixed(4), LinearCodes(8))


def test_a_layer_without_zeros_takes_a_word_a_weight() -> None:
    assert PACKER.plan(np.ones((5, 12), np.bool_)).tokens_k.tolist() == [12] * 5


def test_an_empty_filter_takes_one_word_however_long_it_is() -> None:
    assert PACKER.plan(np.zeros((3, 5000), np.bool_)).tokens_k.tolist() == [1, 1, 1]


def test_a_run_longer_than_the_field_is_filled() -> None:
    mask = np.zeros((1, 40), np.bool_)
    mask[0, [0, 35]] = True
    assert PACKER.plan(mask).tokens_k.tolist() == [2 + 34 // 15]
