"""A gearbox gives back the words that were put together into beats, whatever either side waits for."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from rtl.axi.gearbox import Gearbox
from tests.support import simulate

WIDTHS = (1, 5, 8, 13, 19)
BEAT_BITS = 8


def joined(words: list[int], width: int) -> list[int]:
    """Beats of 8 bits, zeros at the end."""
    bits = sum(word << (width * place) for place, word in enumerate(words))
    return list(bits.to_bytes(-(-width * len(words) // BEAT_BITS), "little"))


@settings(max_examples=40)
@given(st.lists(st.integers(0, len(WIDTHS) - 1), min_size=1, max_size=4), st.data(), st.integers(0, 99))
def test_words_come_out_as_they_were_joined(kinds: list[int], data: st.DataObject, seed: int) -> None:
    segments = [
        (kind, data.draw(st.lists(st.integers(0, (1 << WIDTHS[kind]) - 1), min_size=1, max_size=9))) for kind in kinds
    ]
    dut, chooser = Gearbox(BEAT_BITS, WIDTHS), random.Random(seed)
    waiting = chooser.choice([0.0, 0.5])

    async def testbench(ctx: Any) -> None:
        for kind, words in segments:
            ctx.set(dut.restart, 1)
            ctx.set(dut.kind, kind)
            await ctx.tick()
            ctx.set(dut.restart, 0)
            assert await take(ctx, joined(words, WIDTHS[kind]), len(words), (1 << WIDTHS[kind]) - 1) == words

    async def take(ctx: Any, beats: list[int], count: int, mask: int) -> list[int]:
        words: list[int] = []
        completed = cycles = 0
        while len(words) < count:
            ctx.set(dut.enable, completed < count)
            ctx.set(dut.beats.valid, bool(beats) and chooser.random() >= waiting)
            ctx.set(dut.beats.payload, beats[0] if beats else 0)
            ctx.set(dut.words.ready, chooser.random() >= waiting)
            assert not (ctx.get(dut.starves) and ctx.get(dut.beats.valid))
            if ctx.get(dut.beats.valid & dut.beats.ready):
                beats.pop(0)
            if ctx.get(dut.words.valid & dut.words.ready):
                words.append(ctx.get(dut.words.payload) & mask)
            completed += ctx.get(dut.completes)
            await ctx.tick()
            cycles += 1
        assert not beats
        if not waiting:
            assert cycles == 1 + count * -(-mask.bit_length() // BEAT_BITS)
        return words

    simulate(dut, testbench)


def test_beats_are_powers_of_two() -> None:
    with pytest.raises(CodesignError, match="12 bits"):
        Gearbox(12, WIDTHS)
