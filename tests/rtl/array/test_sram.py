"""The memory behind every bank."""

from __future__ import annotations

from typing import Any

import pytest

from compress.base.errors import CodesignError
from rtl.array.sram import SRAM, sram_verilog
from tests.support import simulate


def test_a_read_returns_the_word_and_holds_it() -> None:
    dut = SRAM(5, 8)

    async def testbench(ctx: Any) -> None:
        ctx.set(dut.write_en, 1)
        for address in range(5):
            ctx.set(dut.write_address, address)
            ctx.set(dut.write_data, 40 + address)
            await ctx.tick()
        ctx.set(dut.write_address, 4)
        ctx.set(dut.write_data, 99)
        ctx.set(dut.read_en, 1)
        ctx.set(dut.read_address, 3)
        await ctx.tick()
        assert ctx.get(dut.read_data) == 43
        ctx.set(dut.write_en, 0)
        ctx.set(dut.read_en, 0)
        ctx.set(dut.read_address, 4)
        await ctx.tick()
        assert ctx.get(dut.read_data) == 43
        ctx.set(dut.read_en, 1)
        await ctx.tick()
        assert ctx.get(dut.read_data) == 99

    simulate(dut, testbench)


@pytest.mark.parametrize("size", [(1, 8), (4, 0)])
def test_a_memory_without_words_or_bits_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(CodesignError, match="SRAM"):
        SRAM(*size)


def test_the_written_out_module_has_the_size_in_its_name() -> None:
    assert "module sram_12x7 (" in sram_verilog(12, 7)
    assert "input [3:0] write_address" in sram_verilog(12, 7)
