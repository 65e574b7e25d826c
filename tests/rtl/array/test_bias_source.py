"""The head of the chain."""

from __future__ import annotations

import random
from typing import Any

from amaranth.hdl import Module

from rtl.array.bias_source import BiasSource
from rtl.array.sram import SRAM
from rtl.config import ArrayConfig
from tests.support import simulate


def test_biases_come_in_a_circle_whenever_they_are_taken() -> None:
    config = ArrayConfig(rows=1, lanes=1, bias_depth=4)
    m = Module()
    m.submodules.dut = dut = BiasSource(config)
    m.submodules.bank = bank = SRAM(4, config.acc_bits)
    m.d.comb += [
        bank.read_en.eq(dut.bank_en),
        bank.read_address.eq(dut.bank_address),
        dut.bank_data.eq(bank.read_data),
    ]
    chooser = random.Random(1)
    taken = []

    async def testbench(ctx: Any) -> None:
        ctx.set(bank.write_en, 1)
        for address, bias in enumerate((-5, 7, 2**20)):
            ctx.set(bank.write_address, address)
            ctx.set(bank.write_data, bias)
            await ctx.tick()
        ctx.set(bank.write_en, 0)
        ctx.set(dut.last_filter, 2)
        ctx.set(dut.running, 1)
        for _ in range(2):
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            for _ in range(20):
                ready = chooser.random() < 0.6
                ctx.set(dut.biases.ready, ready)
                if ready and ctx.get(dut.biases.valid):
                    taken.append(ctx.get(dut.biases.payload))
                await ctx.tick()
            taken.append(None)

    simulate(m, testbench)
    first, second = taken[: taken.index(None)], taken[taken.index(None) + 1 : -1]
    for run in (first, second):
        assert len(run) > 6
        assert run == ([-5, 7, 2**20] * len(run))[: len(run)]
