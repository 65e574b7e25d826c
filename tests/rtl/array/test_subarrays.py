"""Where the chain of rows is cut; whole arrays with subarrays are in tests/rtl/array/test_pe_array.py."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth.hdl import Const
from hypothesis import given, settings
from hypothesis import strategies as st

from rtl.array.subarrays import BiasFork, ChainLink, TailSelect, inner_mask, is_cut
from rtl.config import ArrayConfig
from tests.rtl.array.rows import Stalls
from tests.support import simulate


def inner_of(config: ArrayConfig, subarrays: int) -> int:
    return config.subarrays // subarrays - 1


def config_of(stacks: int) -> ArrayConfig:
    return ArrayConfig(rows=stacks, lanes=2, subarrays=stacks)


@pytest.mark.parametrize("stacks", [1, 2, 4, 8])
def test_a_subarray_has_equally_many_neighbouring_stacks(stacks: int) -> None:
    config = config_of(stacks)
    for subarrays in [1 << n for n in range(stacks.bit_length())]:
        found: list[int] = []

        async def testbench(ctx: Any, subarrays: int = subarrays, found: list[int] = found) -> None:
            inner = inner_mask(config, Const(subarrays - 1, 3))
            found.append(ctx.get(inner) if stacks > 1 else 0)
            found.extend(stack for stack in range(1, stacks) if ctx.get(is_cut(stack, inner)))

        simulate(BiasFork(config), testbench)
        assert found[0] == inner_of(config, subarrays)
        assert found[1:] == list(range(stacks // subarrays, stacks, stacks // subarrays))


@settings(max_examples=20)
@given(
    st.sampled_from([(2, 1), (2, 2), (4, 1), (4, 2), (4, 4)]),
    st.lists(st.integers(-100, 100), max_size=6),
    st.lists(st.sampled_from([0.0, 0.3, 0.8]), min_size=5, max_size=5),
    st.integers(0, 99),
)
def test_every_head_gets_every_bias_in_turn_whatever_the_others_wait(
    sizes: tuple[int, int], biases: list[int], waiting: list[float], seed: int
) -> None:
    stacks, subarrays = sizes
    config = config_of(stacks)
    dut = BiasFork(config)
    above, *below = (Stalls(wait, seed + number) for number, wait in enumerate(waiting))
    got: list[list[int]] = [[] for _ in range(stacks)]

    async def testbench(ctx: Any) -> None:
        ctx.set(dut.inner, inner_of(config, subarrays))
        left, taken = list(biases), False
        for _ in range(60 * (len(biases) + 1)):
            offers = above.valid(taken) and bool(left)
            ctx.set(dut.biases.valid, offers)
            ctx.set(dut.biases.payload, left[0] if offers else 0)
            for number, stall in zip(range(stacks), below, strict=False):
                ctx.set(dut.heads[number].ready, stall.ready())
            for number in range(stacks):
                if ctx.get(dut.heads[number].valid) and ctx.get(dut.heads[number].ready):
                    got[number].append(ctx.get(dut.heads[number].payload))
            taken = offers and bool(ctx.get(dut.biases.ready))
            left = left[taken:]
            await ctx.tick()

    simulate(dut, testbench)
    step = stacks // subarrays
    assert got == [biases if number % step == 0 else [] for number in range(stacks)]


@pytest.mark.parametrize(("before", "after"), [(1, 2), (1, 4), (2, 4), (4, 1)])
def test_a_bias_that_waits_between_layers_goes_to_the_heads_of_the_next_one(before: int, after: int) -> None:
    config = config_of(4)
    dut = BiasFork(config)

    async def testbench(ctx: Any) -> None:
        ctx.set(dut.inner, inner_of(config, before))
        ctx.set(dut.biases.valid, 1)
        ctx.set(dut.biases.payload, 5)
        for _ in range(3):
            await ctx.tick()
        ctx.set(dut.inner, inner_of(config, after))
        heads = [ctx.get(head.valid) for head in dut.heads]
        assert heads == [number % (4 // after) == 0 for number in range(4)]

    simulate(dut, testbench)


@pytest.mark.parametrize("cut", [False, True])
def test_a_link_passes_sums_on_or_gives_them_away_and_starts_anew(cut: bool) -> None:
    dut = ChainLink(config_of(2))

    async def testbench(ctx: Any) -> None:
        ctx.set(dut.cut, cut)
        ctx.set(dut.above.payload, [5, -6])
        ctx.set(dut.head.payload, 7)
        for above, head, below, tail in [(a, h, b, t) for a in (0, 1) for h in (0, 1) for b in (0, 1) for t in (0, 1)]:
            ctx.set(dut.above.valid, above)
            ctx.set(dut.head.valid, head)
            ctx.set(dut.below.ready, below)
            ctx.set(dut.tail.ready, tail)
            assert ctx.get(dut.below.valid) == (head if cut else above)
            assert ctx.get(dut.tail.valid) == (above if cut else 0)
            assert ctx.get(dut.above.ready) == (tail if cut else below)
            assert ctx.get(dut.head.ready) == (below if cut else 0)
            assert [ctx.get(dut.below.payload[lane]) for lane in range(2)] == ([7, 7] if cut else [5, -6])
            assert [ctx.get(dut.tail.payload[lane]) for lane in range(2)] == [5, -6]

    simulate(dut, testbench, clocked=False)


def test_one_tail_is_taken_at_a_time() -> None:
    dut = TailSelect(config_of(4))

    async def testbench(ctx: Any) -> None:
        for number in range(4):
            ctx.set(dut.tails[number].payload, [number, -number])
        ctx.set(dut.sums.ready, 1)
        for tail in range(4):
            ctx.set(dut.tail, tail)
            for number in range(4):
                ctx.set(dut.tails[number].valid, number == tail)
            assert ctx.get(dut.sums.valid)
            assert [ctx.get(dut.sums.payload[lane]) for lane in range(2)] == [tail, -tail]
            assert [ctx.get(dut.tails[number].ready) for number in range(4)] == [number == tail for number in range(4)]
            ctx.set(dut.tails[tail].valid, 0)
            assert not ctx.get(dut.sums.valid)

    simulate(dut, testbench, clocked=False)
