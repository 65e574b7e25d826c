"""A layer is loaded when everything that each layer needs was written, in any order."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtl.array.buffers import BANKS
from rtl.array.write_bus import Space
from rtl.axi.load_tracker import LoadTracker, parts_of_a_layer
from rtl.config import ArrayConfig
from rtl.formats.registry import FORMATS
from sim.mapping.pack import pack
from tests.drawn import draw_activations, layers_and_arrays
from tests.support import simulate

CONFIG = ArrayConfig(rows=2, lanes=2)
PARTS = parts_of_a_layer(CONFIG)


def test_the_parts_are_all_registers_and_the_first_word_of_each_bank() -> None:
    count = Counter(part[0] for part in PARTS)
    registers = {Space.LAYER: 8, Space.ROW: 2 * 2}
    banks = {Space.WEIGHT: 2, Space.TABLE: 2, Space.ACTIVATION: 2, Space.BIAS: 1}
    assert count == registers | banks
    assert len(set(PARTS)) == len(PARTS)


async def write(ctx: Any, dut: LoadTracker, part: tuple[Space, int, int]) -> None:
    ctx.set(dut.write, dict(zip(("space", "row", "address"), part, strict=True)))
    ctx.set(dut.write_en, 1)
    await ctx.tick()
    ctx.set(dut.write_en, 0)


@settings(max_examples=10)
@given(st.permutations(PARTS), st.sampled_from(PARTS))
def test_only_the_last_missing_part_completes_a_layer(
    order: list[tuple[Space, int, int]], forgotten: tuple[Space, int, int]
) -> None:
    dut = LoadTracker(CONFIG)

    async def testbench(ctx: Any) -> None:
        for _ in range(2):
            for part in order:
                assert not ctx.get(dut.complete)
                if part != forgotten:
                    await write(ctx, dut, part)
            await write(ctx, dut, (Space.WEIGHT, 1, 5))
            assert not ctx.get(dut.complete)
            await write(ctx, dut, forgotten)
            assert ctx.get(dut.complete)
            ctx.set(dut.clear, 1)
            await ctx.tick()
            ctx.set(dut.clear, 0)

    simulate(dut, testbench)


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=20)
@given(data=st.data())
def test_a_packed_layer_has_every_part(kind: Any, data: st.DataObject) -> None:
    layer, config = data.draw(layers_and_arrays(kind))
    packed = pack(layer, config)
    writes = [*packed.static_writes(), *packed.activation_writes(draw_activations(layer, 1, 0))]
    assert {write[:3] for write in writes} >= set(parts_of_a_layer(config))


@settings(max_examples=20)
@given(st.sets(st.sampled_from(list(BANKS.values()))), st.data())
def test_with_two_buffers_a_bank_that_is_loaded_again_is_loaded_as_a_whole(
    spaces: set[Space], data: st.DataObject
) -> None:
    dut = LoadTracker(CONFIG.replace(buffers=2))
    again = data.draw(st.permutations([part for part in PARTS if part[0] in spaces]))

    async def testbench(ctx: Any) -> None:
        for part in PARTS:
            assert not ctx.get(dut.complete)
            await write(ctx, dut, part)
        assert ctx.get(dut.complete)
        for _ in range(2):
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            assert ctx.get(dut.complete)
            loaded: set[tuple[Space, int, int]] = set()
            for space in spaces:
                await write(ctx, dut, (space, 0, 1))  # changes halves, and is no first word
            for part in again:
                await write(ctx, dut, part)
                loaded.add(part)
                assert ctx.get(dut.complete) == (loaded == set(again))
        for _ in range(2):
            ctx.set(dut.clear, 1)
            await ctx.tick()
            ctx.set(dut.clear, 0)
            assert not ctx.get(dut.complete)

    simulate(dut, testbench)
