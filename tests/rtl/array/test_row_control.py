"""A row's control among a bank, a neighbour above and one below, cycle by cycle against its contract."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtl.array.row_control import RowControl
from rtl.formats.bitmap import Bitmap
from rtl.formats.decompress import Decompress
from rtl.formats.dense import Dense
from rtl.formats.fixed import Fixed
from rtl.formats.index_format import IndexFormat
from rtl.formats.nm import NM
from rtl.formats.registry import FORMATS
from rtl.formats.rice import Rice
from tests.levels import factor_in
from tests.rtl.array.rows import CORNERS, RowCase, Stalls, row_case, row_cases, waits
from tests.support import simulate

FILL = 8
"""Cycles from a start to the first accumulation, with a decoder of latency one: docs/hardware.md.

One less with levels of up to two bits, which are multiplied and accumulated in one stage.
"""

ACCUMULATE, ALIGN, ADDRESS, DECODE = 0, 1, 3, 5
"""How many moves of the row ago a token that is accumulated now was in each stage."""


class Cycle(NamedTuple):
    """What the ports said in one cycle."""

    advance: bool
    accumulate: bool
    between: bool
    above: bool
    taken: bool
    below: bool
    held: bool
    capture: int
    oldest: int
    level: int
    offset: int
    position: int


def watch(case: RowCase, above: Stalls, below: Stalls, runs: int = 1) -> list[list[Cycle]]:
    """Run the layer ``runs`` times, each until nothing has happened for a while."""
    dut = RowControl(case.config)
    seen: list[list[Cycle]] = []

    async def testbench(ctx: Any) -> None:
        for index, value in enumerate(case.register_values()):
            ctx.set(dut.register_en, 1)
            ctx.set(dut.register_index, index)
            ctx.set(dut.register_data, value)
            await ctx.tick()
        ctx.set(dut.register_en, 0)
        ctx.set(dut.last_tile, case.tiles - 1)
        ctx.set(dut.running, 1)
        for _ in range(runs):
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            seen.append(await one_run(ctx))

    async def one_run(ctx: Any) -> list[Cycle]:
        cycles: list[Cycle] = []
        idle = taken = 0
        while idle < 60:
            ctx.set(dut.initial_valid, above.valid(taken))
            ctx.set(dut.total_ready, below.ready())
            taken = ctx.get(dut.initial_valid) and ctx.get(dut.initial_ready)
            ports = (dut.advance, dut.accumulate, dut.between, dut.initial_valid)
            flags = [bool(ctx.get(port)) for port in ports]
            sums = [bool(taken), bool(ctx.get(dut.total_ready)), bool(ctx.get(dut.total_valid))]
            capture, oldest = ctx.get(dut.capture), ctx.get(dut.oldest)
            level = factor_in(ctx.get(dut.factor), case.config)
            numbers = [capture, oldest, level, ctx.get(dut.offset), ctx.get(dut.table_address)]
            cycles.append(Cycle(*flags, *sums, *numbers))
            fetched, address = ctx.get(dut.fetch), ctx.get(dut.weight_address)
            await ctx.tick()
            if fetched:
                ctx.set(dut.weight_word, case.words[address] if address < len(case.words) else 0)
            idle = 0 if cycles[-1].accumulate or cycles[-1].capture else idle + 1
        return cycles

    simulate(dut, testbench)
    return seen


def check_weights(case: RowCase, cycles: list[Cycle]) -> None:
    """Every tile, every filter, exactly its weights, each at its place; as many tokens as the packer planned."""
    moves = [cycle for cycle in cycles if cycle.advance]
    one_stage = case.config.weight_bits <= 2
    filters, positions = case.levels.shape
    found = np.zeros((case.tiles * filters, positions), np.int64)
    places = {case.place(position): position for position in range(positions)}
    tokens, k = [0] * len(found), -1
    for n, cycle in enumerate(moves):
        if not cycle.accumulate:
            continue
        k += cycle.between
        tokens[k] += 1
        level = moves[n - ALIGN + one_stage].level
        if level:
            tile = k // filters
            place = moves[n - DECODE + one_stage].position, moves[n - ADDRESS + one_stage].offset - tile
            found[k, places[place]] += level
    np.testing.assert_array_equal(found, np.tile(case.levels, (case.tiles, 1)))
    assert tokens == case.tokens_k.tolist() * case.tiles


def check_pace(case: RowCase, cycles: list[Cycle], runs_before: int = 0) -> None:
    """One token a cycle from ``FILL`` on, but where a filter cannot be closed for want of a sum from above or of room.

    Sums are kept and handed on in a circle of registers, which goes on from run to run.
    """
    fill, depth = FILL + case.config.index.decoder.extra_latency, case.config.chain_depth
    fill -= case.config.weight_bits <= 2
    firsts = [nth == 0 for count in case.tokens_k.tolist() * case.tiles for nth in range(count)]
    is_open = False
    closed = taken = runs_before * sum(firsts)
    after = closed + sum(firsts)
    for at, cycle in enumerate(cycles):
        is_there = at >= fill and bool(firsts)
        between = not is_there or firsts[0]
        closes = is_open and between and cycle.above and closed - taken < depth
        goes = is_there and (closes or not (is_open and between))
        assert cycle.accumulate == goes
        assert cycle.between == between
        assert cycle.taken == closes
        assert cycle.capture == (1 << closed % depth if closes else 0)
        assert cycle.held == (closed > taken)
        assert not cycle.held or cycle.oldest == 1 << taken % depth
        taken += cycle.held and cycle.below
        closed += closes
        is_open = goes or (is_open and not closes)
        firsts = firsts[goes:]
    assert not firsts
    assert closed == after


def check(case: RowCase, above: Stalls, below: Stalls, runs: int = 1) -> None:
    for nth, cycles in enumerate(watch(case, above, below, runs)):
        check_weights(case, cycles)
        check_pace(case, cycles, nth)


@pytest.mark.parametrize("kind", FORMATS)
def test_each_token_is_accumulated_once_and_only_sums_can_stall_it(kind: type[IndexFormat]) -> None:
    @settings(max_examples=5)
    @given(row_cases(kind), waits, waits, st.integers(0, 999))
    def run(case: RowCase, above: float, below: float, seed: int) -> None:
        check(case, Stalls(above, seed), Stalls(below, seed + 1), runs=2)

    run()


@pytest.mark.parametrize("index", [Fixed(2), Bitmap(3), Rice(2), Decompress()], ids=str)
@pytest.mark.parametrize("corner", CORNERS)
def test_corner_rows_keep_their_pace(index: IndexFormat, corner: str) -> None:
    levels = CORNERS[corner]
    for depth in (1, 2):
        check(row_case(index, levels, 3, levels.shape[1], 2, 1, depth), Stalls(0.4, 1), Stalls(0.4, 2))


def test_a_row_that_nobody_above_feeds_waits_before_its_second_filter() -> None:
    case = row_case(NM(1, 2), np.array([[1, 0, 0, 2]] * 2, np.int16), 3, 4, 1, 1)
    (cycles,) = watch(case, Stalls(1.0, 1), Stalls(0.0, 2))
    assert sum(cycle.accumulate for cycle in cycles) == 2
    assert not any(cycle.capture for cycle in cycles)
    assert not cycles[-1].advance


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_row_that_nobody_below_empties_keeps_as_many_sums_as_it_has_registers(depth: int) -> None:
    case = row_case(Dense(), np.ones((5, 4), np.int16), 3, 4, 1, 1, depth)
    (cycles,) = watch(case, Stalls(0.0, 1), Stalls(1.0, 2))
    assert [cycle.capture for cycle in cycles if cycle.capture] == [1 << slot for slot in range(depth)]
    assert cycles[-1].held


@pytest.mark.parametrize("wrong", ["words", "tokens_k", "tiles"])
def test_the_checks_see_a_wrong_weight_a_wrong_pace_and_a_lost_tile(wrong: str) -> None:
    case = row_case(Fixed(3), np.array([[1, 0, 0, 2], [0, -1, 3, 0]], np.int16), 3, 4, 2, 1)
    (cycles,) = watch(case, Stalls(0.0, 1), Stalls(0.0, 2))
    other: dict[str, dict[str, Any]] = {
        "words": {"levels": case.levels[::-1]},
        "tokens_k": {"tokens_k": case.tokens_k + 1},
        "tiles": {"tiles": 3},
    }
    told = RowCase(**{**vars(case), **other[wrong]})
    with pytest.raises(AssertionError):
        check_weights(told, cycles)
    if wrong != "words":
        with pytest.raises(AssertionError):
            check_pace(told, cycles)
