"""A whole row: banks with any content, levels of any mask, neighbours that stall."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rtl.array.row import Row
from rtl.array.write_bus import Space
from rtl.formats.bitmap import Bitmap
from rtl.formats.fixed import Fixed
from rtl.formats.index_format import IndexFormat
from rtl.formats.registry import FORMATS
from rtl.formats.rice import Rice
from rtl.widths import shift_bits
from tests.rtl.array.rows import CORNERS, RowCase, Stalls, row_case, row_cases, waits
from tests.support import simulate


class Content:
    """Pixels, address table and sums from above of a case, drawn from a seed."""

    def __init__(self, case: RowCase, seed: int) -> None:
        config, rng = case.config, np.random.default_rng(seed)
        self.pixels = rng.integers(0, 1 << config.act_bits, config.activation_depth * config.lanes)
        channels = case.levels.shape[1] // case.taps
        most = config.activation_depth - case.tiles - (channels * 3 if config.index.counts_positions else 0)
        self.table = rng.integers(0, (most, config.lanes), (case.table_words, 2)).tolist()
        self.initial = rng.integers(-(2**20), 2**20, (case.tiles * len(case.levels), config.lanes)).tolist()

    def writes(self, case: RowCase) -> list[tuple[Space, int, int]]:
        """(space, address, data) of all that a row is loaded with, all spaces by turns."""
        config = case.config
        words = self.pixels.reshape(-1, config.lanes).tolist()
        found = [(Space.ROW, n, value) for n, value in enumerate(case.register_values())]
        found += [(Space.WEIGHT, n, word) for n, word in enumerate(case.words)]
        found += [(Space.TABLE, n, word << shift_bits(config) | shift) for n, (word, shift) in enumerate(self.table)]
        found += [
            (Space.ACTIVATION, n, sum(pixel << config.act_bits * lane for lane, pixel in enumerate(word)))
            for n, word in enumerate(words)
        ]
        return sorted(found, key=lambda write: write[1:])

    def totals(self, case: RowCase) -> NDArray[np.int64]:
        """(tiles * K, lanes): the sum from above and, for each weight, the pixels its table word tells."""
        totals = np.array(self.initial, np.int64)
        for number, sums in enumerate(totals):
            tile, k = divmod(number, len(case.levels))
            for position in np.flatnonzero(case.levels[k]):
                address, base = case.place(int(position))
                word, shift = self.table[address]
                first = (word + tile + base) * case.config.lanes + shift
                sums += int(case.levels[k, position]) * self.pixels[first : first + case.config.lanes]
        return totals


def run_row(case: RowCase, content: Content, above: Stalls, below: Stalls, runs: int = 1) -> list[NDArray[np.int64]]:
    """Totals of each run of a loaded row."""
    dut = Row(case.config)
    lanes, results = range(case.config.lanes), []

    async def testbench(ctx: Any) -> None:
        for space, address, data in content.writes(case):
            ctx.set(dut.write, {"space": space, "address": address, "data": data})
            ctx.set(dut.write_en, 1)
            await ctx.tick()
            ctx.set(dut.write_en, 0)  # a write to another row
            ctx.set(dut.write, {"space": space, "address": address, "data": ~data})
            await ctx.tick()
        ctx.set(dut.last_tile, case.tiles - 1)
        ctx.set(dut.running, 1)
        for _ in range(runs):
            results.append(await one_run(ctx))

    async def one_run(ctx: Any) -> NDArray[np.int64]:
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        waiting, totals = list(content.initial), []
        taken = idle = 0
        while idle < 60:
            offers = above.valid(taken) and bool(waiting)
            ctx.set(dut.initial.valid, offers)
            ctx.set(dut.initial.payload, waiting[0] if offers else [0] * len(lanes))
            ctx.set(dut.total.ready, below.ready())
            taken = offers and ctx.get(dut.initial.ready)
            given_on = ctx.get(dut.total.valid) and ctx.get(dut.total.ready)
            if given_on:
                totals.append([ctx.get(dut.total.payload[lane]) for lane in lanes])
            waiting = waiting[1:] if taken else waiting
            idle = 0 if taken or given_on or len(totals) < len(content.initial) - len(waiting) else idle + 1
            await ctx.tick()
        return np.array(totals, np.int64).reshape(-1, len(lanes))

    simulate(dut, testbench)
    return results


def check(case: RowCase, seed: int, above: float, below: float) -> None:
    """Two runs of what was loaded once."""
    content = Content(case, seed)
    for totals in run_row(case, content, Stalls(above, seed), Stalls(below, seed + 1), runs=2):
        np.testing.assert_array_equal(totals, content.totals(case))


@pytest.mark.parametrize("kind", FORMATS)
def test_a_row_adds_its_products_to_the_sums_from_above_in_order(kind: type[IndexFormat]) -> None:
    @settings(max_examples=4)
    @given(row_cases(kind, most_lanes=5), st.integers(0, 999), waits, waits)
    def run(case: RowCase, seed: int, above: float, below: float) -> None:
        check(case, seed, above, below)

    run()


@pytest.mark.parametrize("index", [Fixed(2), Bitmap(3), Rice(2)], ids=str)
@pytest.mark.parametrize("corner", CORNERS)
def test_corner_rows_are_exact_under_stalls(index: IndexFormat, corner: str) -> None:
    levels = CORNERS[corner]
    for depth in (1, 2):
        check(row_case(index, levels, 3, levels.shape[1], tiles=2, lanes=2, chain_depth=depth), 5, 0.4, 0.4)


@pytest.mark.parametrize("part", ["pixels", "table", "initial"])
def test_the_comparison_sees_one_wrong_word(part: str) -> None:
    case = row_case(Fixed(2), np.array([[1, 0, 2], [-1, 3, 0]], np.int16), 3, 3, tiles=1, lanes=2)
    content, other = Content(case, 1), Content(case, 1)
    if part == "pixels":
        word, shift = other.table[0]
        other.pixels[word * 2 + shift] ^= 1
    elif part == "table":
        other.table[2][1] ^= 1
    else:
        other.initial[1][0] += 1
    (totals,) = run_row(case, other, Stalls(0.0, 1), Stalls(0.0, 2))
    assert not np.array_equal(totals, content.totals(case))
