"""The output scaling against the golden model's formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Elaboratable, Module
from amaranth.lib.wiring import Component, In, Out
from hypothesis import given, settings
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.model.requantization import Requantization
from flows.synthesis.area import module_cost
from flows.technology.technology import generic_technology
from rtl.array.requantizer import REQUANTIZER_LATENCY, Requantizer
from rtl.array.scale import ScaleDecoder
from rtl.config import MULTIPLIERS, ArrayConfig
from sim.golden.golden import requantize
from tests.support import simulate


class Scaled(Component):
    """A requantizer behind its decoder."""

    def __init__(self, config: ArrayConfig) -> None:
        self.decoder, self.requantizer = ScaleDecoder(config), Requantizer(config)
        super().__init__({"total": In(self.requantizer.total.shape()), "activation": Out(config.act_bits)})

    def elaborate(self, platform: Any) -> Elaboratable:
        """Wires."""
        m = Module()
        m.submodules += self.decoder, self.requantizer
        m.d.comb += [
            self.requantizer.scale.eq(self.decoder.scale),
            self.requantizer.total.eq(self.total),
            self.activation.eq(self.requantizer.activation),
        ]
        return m


@st.composite
def layers(draw: st.DrawFn) -> tuple[ArrayConfig, Requantization, list[int]]:
    """An array, a scale, and sums: any, the extreme ones, and those around results where something changes."""
    acc_bits = draw(st.integers(12, 32))
    multipliers = draw(st.sampled_from(MULTIPLIERS))
    config = ArrayConfig(1, 1, act_bits=draw(st.integers(4, 8)), acc_bits=acc_bits, multipliers=multipliers)
    scale = Requantization(draw(st.integers(1, 2**9 - 1)), draw(st.integers(1, 32)))
    most = 2 ** (acc_bits - 1) - 1
    totals = [*draw(st.lists(st.integers(-most - 1, most), max_size=8)), -most - 1, most, 0, -1, 1]
    limits = [1, 2**config.act_bits, 2 ** (config.act_bits - 1), 256, 511, 512]
    for result in [*limits, *draw(st.lists(st.integers(0, 1023), max_size=6))]:
        near = ((2 * result + draw(st.integers(-2, 2))) << (scale.shift - 1)) // scale.multiplier
        totals += [near + draw(st.integers(-1, 1)), -near + draw(st.integers(-1, 1))]
    return config, scale, [max(-most - 1, min(most, total)) for total in totals]


@settings(max_examples=20)
@given(layers(), st.booleans())
def test_it_rounds_half_up_and_saturates_as_the_golden_model(
    layer: tuple[ArrayConfig, Requantization, list[int]], relu: bool
) -> None:
    config, scale, totals = layer
    want = requantize(np.array(totals, np.int64), scale, config.act_bits, relu)
    assert run(config, scale, relu, totals) == (want & ((1 << config.act_bits) - 1)).tolist()


def run(config: ArrayConfig, scale: Requantization, relu: bool, totals: list[int]) -> list[int]:
    """What becomes of ``totals``, one a cycle, with a cycle in which nothing moves before each."""
    dut = Scaled(config)
    got = []

    async def testbench(ctx: Any) -> None:
        ctx.set(dut.decoder.multiplier, scale.multiplier)
        ctx.set(dut.decoder.shift, scale.shift - 1)
        ctx.set(dut.requantizer.relu, relu)
        await ctx.tick()
        for total in totals + [0] * (REQUANTIZER_LATENCY - 1):
            for advance in (0, 1):
                ctx.set(dut.requantizer.advance, advance)
                ctx.set(dut.total, total if advance else ~total)
                await ctx.tick()
            got.append(ctx.get(dut.activation))

    simulate(dut, testbench)
    return got[REQUANTIZER_LATENCY - 1 :]


@pytest.mark.parametrize(("weight_bits", "acc_bits"), [(8, 24), (4, 20), (2, 18)])
def test_it_is_as_fast_as_the_pe(weight_bits: int, acc_bits: int) -> None:
    config = ArrayConfig(1, 1, weight_bits=weight_bits, acc_bits=acc_bits)
    pe, requantizer = (module_cost(config, name, generic_technology()) for name in ("pe", "requantizer"))
    assert requantizer.period <= pe.period


def test_another_kind_of_multiplier_is_refused() -> None:
    with pytest.raises(CodesignError, match="multipliers must be one of gates, dsp, not 'lut'"):
        ArrayConfig(1, 1, multipliers="lut")
