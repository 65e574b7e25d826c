"""The decompress format's counts."""

from __future__ import annotations

import numpy as np

from rtl.formats.decompress import Decompress
from sim.mapping.encoders.decompress import DecompressPacker
from sim.mapping.level_codes import LinearCodes


def test_cycles_are_those_of_a_dense_row_and_bits_those_of_a_bitmap() -> None:
    mask = np.zeros((4, 30), np.bool_)
    mask[:, :3] = True
    packer = DecompressPacker(Decompress(), LinearCodes(6))
    plan = packer.plan(mask)
    assert plan.tokens_k.tolist() == [30] * 4
    assert plan.words * packer.word_bits - plan.registers["first_bit"] == 4 * (30 + 3 * 6)
