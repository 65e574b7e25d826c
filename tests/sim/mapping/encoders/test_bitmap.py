"""The bitmap format's counts."""

from __future__ import annotations

import numpy as np

from rtl.formats.bitmap import Bitmap
from sim.mapping.encoders.bitmap import BitmapPacker
from sim.mapping.level_codes import LinearCodes

PACKER = BitmapPacker(Bitmap(8), LinearCodes(4))


def test_a_layer_without_zeros_takes_a_bit_and_a_code_a_weight_and_a_bit_a_filter() -> None:
    plan = PACKER.plan(np.ones((5, 12), np.bool_))
    assert plan.tokens_k.tolist() == [12] * 5
    assert plan.words * PACKER.word_bits - plan.registers["first_bit"] == 5 * (1 + 12 * 5)


def test_a_run_of_zeros_takes_a_cycle_for_each_window_it_fills() -> None:
    mask = np.zeros((1, 40), np.bool_)
    mask[0, [0, 35]] = True
    assert PACKER.plan(mask).tokens_k.tolist() == [2 + 34 // 8]


def test_a_run_through_empty_filters_stops_in_each() -> None:
    mask = np.zeros((3, 20), np.bool_)
    mask[0, 0] = True
    assert PACKER.plan(mask).tokens_k.tolist() == [1 + 2, 1 + 2, 1]
