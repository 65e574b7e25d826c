"""Index decoders against their software twins."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtl.config import ArrayConfig, Dense, Fixed
from rtl.decoder import make_decoder
from sim.fixed import encode_fixed
from tests.support import draw_levels, simulate


def tokens_of(config: ArrayConfig, words: list[int], passes: int, registers: dict[str, int], seed: int) -> list[Any]:
    """(position, base, level, first, last, ends_tile) of each token, with random stalls."""
    dut = make_decoder(config)
    chooser = random.Random(seed)
    tokens = []

    async def testbench(ctx: Any) -> None:
        ctx.set(dut.registers, registers)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        sequence = [(word, n == len(words) - 1) for _ in range(passes) for n, word in enumerate(words)]
        for word, ends in [*sequence, (0, None)]:
            while chooser.random() < 0.3:
                ctx.set(dut.advance, 0)
                await ctx.tick()
            ctx.set(dut.word, word)
            ctx.set(dut.word_valid, ends is not None)
            ctx.set(dut.word_ends_tile, bool(ends))
            if ctx.get(dut.token_valid):
                token = ctx.get(dut.token)
                base = token.base if config.is_dense else 0
                tokens.append((token.position, base, token.level, token.first, token.last, token.ends_tile))
            ctx.set(dut.advance, 1)
            await ctx.tick()
            ctx.set(dut.advance, 0)

    simulate(dut, testbench)
    return tokens


@settings(max_examples=25)
@given(
    st.integers(1, 5),
    st.integers(1, 40),
    st.integers(1, 5),
    st.integers(1, 8),
    st.sampled_from([0.0, 0.05, 0.3, 1.0]),
    st.integers(0, 999),
)
def test_fixed_decoder_finds_every_level_and_brackets_every_filter(filters, positions, gap_bits, bits, density, seed):
    levels = draw_levels((filters, positions), bits, density, seed)
    config = ArrayConfig(rows=1, lanes=1, weight_bits=bits, index=Fixed(gap_bits), table_depth=max(2, positions))
    words = encode_fixed(levels, Fixed(gap_bits), bits).tolist()
    tokens = tokens_of(config, words, 2, {"positions": positions, "last_word": len(words) - 1}, seed)
    assert [token[5] for token in tokens] == ([0] * (len(words) - 1) + [1]) * 2
    assert sum(token[3] for token in tokens) == sum(token[4] for token in tokens) == 2 * filters
    found = np.zeros((2 * filters, positions), np.int64)
    k, inside = -1, False
    for position, _, level, first, last, _ in tokens:
        assert inside != bool(first)
        k += first
        inside = not last
        if level:
            assert found[k, position] == 0
            found[k, position] = level
    np.testing.assert_array_equal(found, np.tile(levels, (2, 1)))


@pytest.mark.parametrize(("taps", "channels"), [(1, 1), (3, 2), (1, 4), (4, 1)])
def test_dense_decoder_counts_taps_within_channels(taps, channels):
    config = ArrayConfig(rows=1, lanes=1, weight_bits=3, index=Dense())
    codes = [n % 8 for n in range(2 * taps * channels)]
    registers = {"last_tap": taps - 1, "last_channel": channels - 1, "plane": 5, "last_word": len(codes) - 1}
    tokens = tokens_of(config, codes, 1, registers, seed=1)
    places = [(tap, 5 * channel) for _ in range(2) for channel in range(channels) for tap in range(taps)]
    assert [token[:2] for token in tokens] == places
    assert [token[2] for token in tokens] == [code + 1 if code < 4 else code - 8 for code in codes]
    last = taps * channels - 1
    assert [token[3] for token in tokens] == [n % (last + 1) == 0 for n in range(len(codes))]
    assert [token[4] for token in tokens] == [n % (last + 1) == last for n in range(len(codes))]
