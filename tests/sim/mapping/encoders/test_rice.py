"""The Rice format's choices."""

from __future__ import annotations

import numpy as np
import pytest

from rtl.formats.rice import Rice
from sim.mapping.encoders.rice import RicePacker
from sim.mapping.level_codes import LinearCodes


def random_mask(density: float) -> np.ndarray:
    return np.random.default_rng(0).random((64, 1024)) < density


@pytest.mark.parametrize("density", [0.5, 0.2, 0.1, 0.05, 0.0118, 0.006])
def test_random_masks_take_hardly_more_than_their_entropy(density: float) -> None:
    mask = random_mask(density)
    packer = RicePacker(Rice(7), LinearCodes(8))
    stored = packer.plan(mask).words * packer.word_bits / mask.sum()
    entropy = -(density * np.log2(density) + (1 - density) * np.log2(1 - density)) / density
    assert stored < 1.04 * (8 + entropy)


def test_sparser_rows_get_longer_remainders() -> None:
    chosen = [
        RicePacker(Rice(7), LinearCodes(8)).plan(random_mask(density)).registers["remainder_bits"]
        for density in (0.6, 0.1, 0.01)
    ]
    assert chosen == sorted(set(chosen))


def test_an_empty_filter_is_one_token_however_long_it_is() -> None:
    assert RicePacker(Rice(2), LinearCodes(8)).plan(np.zeros((3, 5000), np.bool_)).tokens_k.tolist() == [1, 1, 1]
