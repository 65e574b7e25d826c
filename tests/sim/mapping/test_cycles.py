"""The cycle model alone; it equals the RTL in tests/rtl/array/test_pe_array.py, tests/sim/simulate/test_runner.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from rtl.array.drain import DRAIN_LATENCY
from rtl.formats.fixed import Fixed
from sim.mapping import cycles
from sim.mapping.cycles import FILL_CYCLES, Chain, chain_cycles, fewest_cycles, layer_cycles
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.plan import plan_layer

SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 6))
tokens = hnp.arrays(np.int64, SHAPES, elements=st.integers(1, 9))
chains = st.builds(Chain, st.integers(1, 8), st.integers(1, 3))
alike = hnp.arrays(np.int64, SHAPES, elements=st.integers(4, 6))


@given(tokens | alike, st.integers(1, 40), chains, st.sampled_from([1, 1, 2, 4]))
@example(np.array([[3, 10], [9, 7], [7, 1]]), 30, Chain(5), 1)
def test_skipping_equal_pixel_groups_changes_nothing(
    tokens_rk: NDArray[np.int64], pixel_groups: int, chain: Chain, subarrays: int
) -> None:
    unrolled = np.tile(tokens_rk, (1, pixel_groups))
    skipped = chain_cycles(tokens_rk, pixel_groups, chain, subarrays=subarrays)
    assert skipped == chain_cycles(unrolled, 1, chain, subarrays=subarrays)


@given(tokens, st.integers(1, 5), chains, st.sampled_from([1, 2, 4]))
def test_a_subarray_more_takes_no_less_than_its_drain(
    tokens_rk: NDArray[np.int64], groups: int, chain: Chain, subarrays: int
) -> None:
    one, several = (chain_cycles(tokens_rk, groups, chain, subarrays=n) for n in (1, subarrays))
    assert several >= max(one, FILL_CYCLES + groups * tokens_rk.shape[1] * subarrays * chain.drain + DRAIN_LATENCY)


@given(tokens, chains, st.lists(st.integers(0, 60), min_size=21, max_size=21))
@example(np.array([[3, 10], [9, 7], [7, 1]]), Chain(5), [8] * 3 + [0] * 18)
@example(np.array([[3]]), Chain(1), [14, 26] * 10 + [14])
@example(np.array([[2, 1], [1, 2]]), Chain(1, 3), [9, 1] * 10 + [40])
def test_a_pace_said_to_be_kept_is_kept_from_any_state(
    tokens_rk: NDArray[np.int64], chain: Chain, start: list[int]
) -> None:
    filters, rows = tokens_rk.T.tolist(), len(tokens_rk)
    room = [start[rows * slot :][:rows] for slot in range(1, chain.depth + 1)]
    states = [cycles._State([start[:rows]], [room], start[-1])]
    for _ in range(12):
        states.append(cycles._after_group(filters, states[-1], chain.drain))
    took = np.diff([state.drained for state in states])
    for first in range(5):
        if cycles._is_periodic(filters, chain.drain, states[first], states[first + 1]):
            assert len(set(took[first:])) == 1


def test_rows_that_run_ahead_are_not_followed_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    followed = []

    def counted(*arguments: Any) -> Any:
        followed.append(arguments)
        return after_group(*arguments)

    after_group = cycles._after_group
    monkeypatch.setattr(cycles, "_after_group", counted)
    tokens_rk = np.array([[5, 5, 5], [5, 5, 6]])
    assert chain_cycles(tokens_rk, 1000, Chain(1)) == FILL_CYCLES + 16 * 1000 + 3 + DRAIN_LATENCY
    assert len(followed) < 10


def test_one_row_takes_a_cycle_a_token() -> None:
    assert chain_cycles(np.array([[5, 3, 9]]), 1, Chain(1)) == FILL_CYCLES + 17 + 2 + DRAIN_LATENCY


@pytest.mark.parametrize(("depth", "pace"), [(1, 9), (2, 8), (4, 8)])
def test_a_slow_drain_sets_the_pace(depth: int, pace: int) -> None:
    chain = Chain(8, depth)
    assert chain.least_pace() == pace
    assert chain_cycles(np.ones((1, 20), np.int64), 1, chain) == FILL_CYCLES + 19 * pace + 8 + 2 + DRAIN_LATENCY


@given(tokens, st.integers(1, 9), st.integers(1, 4), st.integers(1, 3))
def test_more_room_never_takes_longer(tokens_rk: NDArray[np.int64], groups: int, drain: int, depth: int) -> None:
    tight, roomy = (chain_cycles(tokens_rk, groups, Chain(drain, each)) for each in (depth, depth + 1))
    assert roomy <= tight


@given(st.integers(1, 4), st.integers(1, 6), st.sampled_from([0.1, 0.5, 1.0]), chains, st.integers(0, 99))
def test_the_lower_bound_is_one(rows: int, lanes: int, density: float, chain: Chain, seed: int) -> None:
    mask = np.random.default_rng(seed).random((4, 5, 3, 3)) < density
    plan = plan_layer(mask, ArrayGeometry((4, 5, 3, 3), (5, 7, 7)), rows, lanes, Fixed(4))
    assert fewest_cycles(plan, chain) <= layer_cycles(plan, chain)
