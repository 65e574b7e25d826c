"""A lane's product of every level, at the activations that carries and signs are made special by."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth.hdl import Const, Elaboratable, Module, signed
from amaranth.lib.wiring import Component, In, Out

from rtl.array.multiplier import factor_layout, factor_members, plus_product, product_register
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense
from rtl.formats.fixed import Fixed
from rtl.formats.index_format import IndexFormat
from rtl.widths import level_layout
from tests.levels import factor_in, level_in
from tests.support import simulate

CASES = [("linear", bits) for bits in range(1, 9)] + [("powers", bits) for bits in range(1, 5)]


class Lane(Component):
    """Decode a level, multiply, and add the product to a sum, all in registers."""

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        super().__init__(
            {
                "activation": In(config.act_bits),
                "level": In(level_layout(config)),
                "factor": Out(factor_layout(config)),
                "total": In(signed(config.acc_bits)),
                "result": Out(signed(config.acc_bits)),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        m = Module()
        members = factor_members(self._config, self.level)
        m.d.comb += [self.factor[name].eq(value) for name, value in members.items()]
        product = product_register(m, self._config, self.activation, self.factor, Const(1, 1))
        m.d.sync += self.result.eq(plus_product(m, self._config, self.total, product.word, product.carry))
        return m


@pytest.mark.parametrize(("levels", "bits"), CASES)
@pytest.mark.parametrize("act_bits", [4, 5, 8])
@pytest.mark.parametrize("index", [Fixed(4), Dense()], ids=str)
def test_every_level_times_the_activations_around_the_ends_of_their_range(
    levels: str, bits: int, act_bits: int, index: IndexFormat
) -> None:
    config = ArrayConfig(1, 1, weight_bits=bits, levels=levels, act_bits=act_bits).with_index(index)
    dut = Lane(config)
    top = (1 << act_bits) - 1

    async def testbench(ctx: Any) -> None:
        for code in range(1 << bits):
            for nonzero in (0, 1):
                ctx.set(dut.level, {"code": code, "nonzero": nonzero})
                level = level_in(ctx.get(dut.level), config)
                assert factor_in(ctx.get(dut.factor), config) == level
                for activation in {0, 1, top // 2, top // 2 + 1, top - 1, top}:
                    ctx.set(dut.activation, activation)
                    await ctx.tick().repeat(2)
                    for total in (0, -1, 1 << 20):
                        ctx.set(dut.total, total)
                        await ctx.tick()
                        assert ctx.get(dut.result) == total + activation * level

    simulate(dut, testbench)
