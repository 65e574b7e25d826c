"""Every format's packer: levels survive their words, and the plan needs only the mask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rtl.formats.index_format import IndexFormat
from rtl.formats.registry import FORMATS
from sim.mapping.encoders.registry import PACKERS, make_packer
from tests.drawn import INDICES, row_levels

shapes = st.tuples(st.integers(1, 9), st.integers(1, 90))
densities = st.sampled_from([0.0, 0.01, 0.05, 0.2, 0.7, 1.0])


def test_every_format_has_a_packer() -> None:
    assert tuple(PACKERS) == FORMATS


@pytest.mark.parametrize("kind", FORMATS)
def test_levels_survive_the_words_that_were_planned(kind: type[IndexFormat]) -> None:
    @settings(max_examples=60)
    @given(INDICES[kind], shapes, st.integers(1, 8), densities, st.integers(0, 2**16), st.booleans())
    @example(kind(), (1, 1), 2, 1.0, 0, False)
    @example(kind(), (3, 1), 8, 0.0, 0, True)
    @example(kind(), (2, 90), 8, 0.01, 3, False)
    def check(
        index: IndexFormat, shape: tuple[int, int], weight_bits: int, density: float, seed: int, powers: bool
    ) -> None:
        levels, weight_bits = row_levels(index, shape, weight_bits, density, seed, powers)
        packer = make_packer(index, weight_bits, "powers" if powers else "linear")
        plan, words = packer.plan(levels != 0), packer.encode(levels)
        assert plan.tokens_k.min() >= 1
        assert plan.tokens_k.shape == (len(levels),)
        assert plan.words == len(words)
        assert int(words.max()) < 1 << packer.word_bits
        assert len(words) * packer.word_bits >= np.count_nonzero(levels) * index.least_bits(weight_bits)
        np.testing.assert_array_equal(packer.decode(words, plan, shape[1]), levels)

    check()
