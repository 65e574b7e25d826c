"""The pooling block against the golden model's formula."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from compress.model.pool import Pool as Pooling
from compress.model.pool import PoolKind
from rtl.array.pool import LARGEST_WINDOW, Pool
from rtl.config import ArrayConfig
from sim.golden.golden import pool
from tests.support import simulate


def pooled(act_bits: int, relu: bool, kind: PoolKind, windows: NDArray[np.int16], gaps: list[bool]) -> list[int]:
    """What the block leaves after each of (windows, pixels), with a cycle of rest before some pixels."""
    dut = Pool(ArrayConfig(rows=1, lanes=1, act_bits=act_bits))
    count, got = windows.shape[1], []

    async def testbench(ctx: Any) -> None:
        ctx.set(dut.relu, relu)
        ctx.set(dut.shift, count.bit_length() - 1 if kind is PoolKind.AVERAGE else 0)
        for window in windows:
            for number, value in enumerate(window.tolist()):
                ctx.set(dut.first, number == 0)
                ctx.set(dut.odd, number % 2)
                ctx.set(dut.activation, value & ((1 << act_bits) - 1))
                if gaps[number % len(gaps)]:
                    ctx.set(dut.enable, 0)
                    await ctx.tick()
                ctx.set(dut.enable, 1)
                await ctx.tick()
            got.append(ctx.get(dut.pooled))

    simulate(dut, testbench)
    return got


@settings(max_examples=20)
@given(st.data(), st.sampled_from([4, 5, 8]), st.booleans(), st.sampled_from(PoolKind))
def test_it_pools_as_the_golden_model(data: st.DataObject, act_bits: int, relu: bool, kind: PoolKind) -> None:
    sizes = [1, 2, 4, 8, LARGEST_WINDOW] if kind is PoolKind.AVERAGE else [1, 2, 3, 9, LARGEST_WINDOW]
    count = data.draw(st.sampled_from(sizes))
    low, high = (0, (1 << act_bits) - 1) if relu else (-(1 << (act_bits - 1)), (1 << (act_bits - 1)) - 1)
    numbers = np.random.default_rng(data.draw(st.integers(0, 999))).integers(low, high + 1, (4, count)).astype(np.int16)
    windows = np.concatenate([numbers, np.full((1, count), low, np.int16), np.full((1, count), high, np.int16)])
    got = pooled(act_bits, relu, kind, windows, data.draw(st.lists(st.booleans(), min_size=1, max_size=3)))
    want = pool(windows[:, None, None, :], Pooling(kind, (1, count), (1, count)))
    assert got == (want.ravel() & ((1 << act_bits) - 1)).tolist()
