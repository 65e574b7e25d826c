"""Every index decoder against its software twin."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rtl.config import ArrayConfig
from rtl.formats.bitmap import Bitmap
from rtl.formats.decompress import Decompress
from rtl.formats.dense import Dense
from rtl.formats.fixed import Fixed
from rtl.formats.index_format import IndexFormat
from rtl.formats.nm import NM
from rtl.formats.registry import FORMATS, make_decoder
from rtl.formats.rice import Rice
from sim.mapping.encoders.packer import RowPlan
from sim.mapping.encoders.registry import make_packer
from tests.drawn import INDICES, draw_levels, row_levels
from tests.levels import level_in
from tests.support import simulate

PASSES = 2


class Token(NamedTuple):
    position: int
    base: int
    level: int
    first: int
    ends_tile: int


def tokens_of(config: ArrayConfig, words: list[int], registers: dict[str, int], seed: int) -> list[Token]:
    """Tokens of two passes, with random stalls; none may be missing between the first and the last."""
    dut = make_decoder(config)
    chooser = random.Random(seed)
    tokens: list[Token] = []
    valid: list[bool] = []

    async def testbench(ctx: Any) -> None:
        ctx.set(dut.registers, registers)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        waiting = [(word, n == len(words) - 1) for _ in range(PASSES) for n, word in enumerate(words)]
        idle = 0
        while idle < 5:
            while chooser.random() < 0.3:
                ctx.set(dut.advance, 0)
                await ctx.tick()
            word, ends = waiting[0] if waiting else (0, False)
            ctx.set(dut.word, word)
            ctx.set(dut.word_valid, bool(waiting))
            ctx.set(dut.word_ends_tile, ends)
            valid.append(bool(ctx.get(dut.token_valid)))
            if valid[-1]:
                token = ctx.get(dut.token)
                base = token.base if config.index.counts_positions else 0
                level = level_in(token.level, config)
                tokens.append(Token(token.position, base, level, token.first, token.ends_tile))
            idle = 0 if waiting or valid[-1] else idle + 1
            taken = ctx.get(dut.next)
            ctx.set(dut.advance, 1)
            await ctx.tick()
            ctx.set(dut.advance, 0)
            waiting = waiting[1:] if taken else waiting

    simulate(dut, testbench)
    first = valid.index(True)
    assert all(valid[first : first + len(tokens)])
    return tokens


def run_row(
    index: IndexFormat, levels: NDArray[np.int16], weight_bits: int, words: NDArray[np.uint64], plan: RowPlan
) -> list[Token]:
    """Tokens of a row whose positions are the taps of one channel."""
    positions = levels.shape[1]
    config = ArrayConfig(
        rows=1,
        lanes=1,
        weight_bits=weight_bits,
        index=index,
        weight_depth=max(2, len(words)),
        table_depth=max(2, positions + index.leading_positions),
    )
    taps = {"last_tap": positions - 1, "last_channel": 0, "plane": 1} if index.counts_positions else {}
    return tokens_of(config, words.tolist(), {"last_word": len(words) - 1, **taps, **plan.registers}, seed=1)


def levels_found(index: IndexFormat, tokens: list[Token], shape: tuple[int, int]) -> NDArray[np.int64]:
    """(PASSES * K, L): what the tokens add up to, ``first`` beginning a filter."""
    found = np.zeros((PASSES * shape[0], shape[1]), np.int64)
    k = -1
    for token in tokens:
        k += token.first
        if token.level:
            found[k, token.position - index.leading_positions] += token.level
    return found


def check_row(
    index: IndexFormat, levels: NDArray[np.int16], bits: int, words: NDArray[np.uint64], plan: RowPlan
) -> None:
    """Exactly the levels, in as many tokens as planned, filter by filter."""
    tokens = run_row(index, levels, bits, words, plan)
    np.testing.assert_array_equal(levels_found(index, tokens, levels.shape), np.tile(levels, (PASSES, 1)))
    starts = np.cumsum([0, *np.tile(plan.tokens_k, PASSES)])[:-1]
    assert np.flatnonzero([token.first for token in tokens]).tolist() == starts.tolist()
    assert [token.ends_tile for token in tokens] == ([0] * (int(plan.tokens_k.sum()) - 1) + [1]) * PASSES


@pytest.mark.parametrize("kind", FORMATS)
def test_a_format_and_its_decoder_share_a_file(kind: type[IndexFormat]) -> None:
    assert kind().decoder.__module__ == kind.__module__


@pytest.mark.parametrize("kind", FORMATS)
def test_row_registers_hold_their_legal_values(kind: type[IndexFormat]) -> None:
    config = ArrayConfig(rows=1, lanes=4, index=kind(), weight_depth=300, table_depth=100)
    for register in kind().row_registers(config).values():
        assert 0 <= register.legal[0] <= register.legal[-1] < 1 << register.bits


@pytest.mark.parametrize("kind", FORMATS)
def test_a_decoder_emits_the_packed_positions_a_token_a_cycle(kind: type[IndexFormat]) -> None:
    @settings(max_examples=12)
    @given(
        INDICES[kind],
        st.tuples(st.integers(1, 5), st.integers(1, 40)),
        st.integers(1, 8),
        st.sampled_from([0.0, 0.05, 0.3, 1.0]),
        st.integers(0, 999),
    )
    @example(kind(), (1, 1), 2, 1.0, 0)
    @example(kind(), (3, 1), 8, 0.0, 0)
    @example(kind(), (2, 60), 8, 0.02, 6)
    def check(index: IndexFormat, shape: tuple[int, int], weight_bits: int, density: float, seed: int) -> None:
        levels, weight_bits = row_levels(index, shape, weight_bits, density, seed)
        packer = make_packer(index, weight_bits)
        plan = packer.plan(levels != 0)
        check_row(index, levels, weight_bits, packer.encode(levels), plan)

    check()


@pytest.mark.parametrize("index", [Fixed(3), Bitmap(5), Rice(3), NM(3, 4), Decompress()], ids=str)
def test_a_flipped_bit_of_the_stream_is_seen(index: IndexFormat) -> None:
    levels = draw_levels((3, 12), 4, 0.4, seed=2)
    packer = make_packer(index, 4)
    plan, words = packer.plan(levels != 0), packer.encode(levels)
    words[len(words) // 2] ^= np.uint64(1 << packer.word_bits // 2)
    with pytest.raises((AssertionError, IndexError)):
        check_row(index, levels, 4, words, plan)


@pytest.mark.parametrize(("taps", "channels"), [(1, 1), (3, 2), (1, 4), (4, 1)])
def test_dense_decoder_counts_taps_within_channels(taps: int, channels: int) -> None:
    config = ArrayConfig(rows=1, lanes=1, weight_bits=3, index=Dense())
    codes = [n % 8 for n in range(taps * channels)]
    registers = {"last_tap": taps - 1, "last_channel": channels - 1, "plane": 5, "last_word": len(codes) - 1}
    tokens = tokens_of(config, codes, registers, seed=1)
    places = [(tap, 5 * channel) for channel in range(channels) for tap in range(taps)] * PASSES
    assert [token[:2] for token in tokens] == places
    assert [token.level for token in tokens] == [code + 1 if code < 4 else code - 8 for code in codes] * PASSES
    last = taps * channels - 1
    assert [token.first for token in tokens] == [n % (last + 1) == 0 for n in range(len(tokens))]
