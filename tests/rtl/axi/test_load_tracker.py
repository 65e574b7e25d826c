"""A layer is loaded when everything that each layer needs was written, in any order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    count = {space: sum(part[0] is space for part in PARTS) for space in Space}
    registers = {Space.LAYER: 8, Space.ROW: 2 * 2}
    banks = {Space.WEIGHT: 2, Space.TABLE: 2, Space.ACTIVATION: 2, Space.BIAS: 1}
    assert count == registers | banks
    assert len(set(PARTS)) == len(PARTS)


@settings(max_examples=10)
@given(st.permutations(PARTS), st.sampled_from(PARTS))
def test_only_the_last_missing_part_completes_a_layer(
    order: list[tuple[Space, int, int]], forgotten: tuple[Space, int, int]
) -> None:
    dut = LoadTracker(CONFIG)

    async def write(ctx: Any, part: tuple[Space, int, int]) -> None:
        ctx.set(dut.write, dict(zip(("space", "row", "address"), part, strict=True)))
        ctx.set(dut.write_en, 1)
        await ctx.tick()
        ctx.set(dut.write_en, 0)

    async def testbench(ctx: Any) -> None:
        for _ in range(2):
            for part in order:
                assert not ctx.get(dut.complete)
                if part != forgotten:
                    await write(ctx, part)
            await write(ctx, (Space.WEIGHT, 1, 5))
            assert not ctx.get(dut.complete)
            await write(ctx, forgotten)
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
