"""The output scaling against the golden model's formula."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from compress.model.requantization import Requantization
from rtl.array.requantizer import REQUANTIZER_LATENCY, Requantizer
from rtl.config import ArrayConfig
from sim.golden.golden import requantize
from tests.support import simulate


@settings(max_examples=30)
@given(
    st.sampled_from([4, 5, 8]),
    st.booleans(),
    st.integers(1, 2**9 - 1),
    st.integers(1, 32),
    st.lists(st.integers(-(2**23), 2**23 - 1), min_size=1, max_size=12),
)
def test_it_rounds_half_up_and_saturates_as_the_golden_model(
    act_bits: int, relu: bool, multiplier: int, shift: int, totals: list[int]
) -> None:
    edges = [-(2**23), 2**23 - 1, 0, -1, 1, (1 << shift) // multiplier, ((1 << (shift - 1)) // multiplier) or 1]
    totals = [max(-(2**23), min(2**23 - 1, total)) for total in [*totals, *edges, *(-edge for edge in edges)]]
    dut = Requantizer(ArrayConfig(rows=1, lanes=1, act_bits=act_bits))
    got = []

    async def testbench(ctx: Any) -> None:
        ctx.set(dut.advance, 1)
        ctx.set(dut.multiplier, multiplier)
        ctx.set(dut.shift, shift - 1)
        ctx.set(dut.relu, relu)
        for total in totals + [0] * (REQUANTIZER_LATENCY - 1):
            ctx.set(dut.total, total)
            await ctx.tick()
            got.append(ctx.get(dut.activation))

    simulate(dut, testbench)
    want = requantize(np.array(totals), Requantization(multiplier, shift), act_bits, relu)
    assert got[REQUANTIZER_LATENCY - 1 :] == (want & ((1 << act_bits) - 1)).tolist()
