"""Two neighbouring words of the activation bank, wherever a position's first pixel lies."""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from rtl.array.addresser import Addresser
from rtl.config import ArrayConfig
from tests.rtl.array.test_aligner import from_odd
from tests.support import simulate


class Step(NamedTuple):
    """Where a position's pixels begin, as an offset and a table word, and whether the row moves on."""

    offset: int
    word: int
    shift: int
    advance: bool


@st.composite
def steps(draw: st.DrawFn) -> tuple[ArrayConfig, list[Step]]:
    config = ArrayConfig(rows=1, lanes=draw(st.integers(1, 9)), activation_depth=2 * draw(st.integers(2, 40)))
    firsts = st.one_of(st.integers(0, config.activation_depth - 1), st.sampled_from([0, config.activation_depth - 1]))
    found = []
    for first in draw(st.lists(firsts, min_size=1, max_size=30)):
        offset = draw(st.integers(0, first))
        found.append(Step(offset, first - offset, draw(st.integers(0, config.lanes - 1)), draw(st.booleans())))
    return config, found


@settings(max_examples=25)
@given(steps())
def test_it_names_a_word_and_its_successor_and_tells_shift_and_order_beside_them(
    case: tuple[ArrayConfig, list[Step]],
) -> None:
    config, todo = case
    dut = Addresser(config)

    async def testbench(ctx: Any) -> None:
        entry, beside = Step(0, 0, 0, True), (0, 0)
        for step in todo:
            ctx.set(dut.offset, entry.offset)
            ctx.set(dut.table_word, {"word": step.word, "shift": step.shift})
            ctx.set(dut.advance, step.advance)
            first = entry.offset + entry.word
            even, odd = sorted((first, first + 1), key=lambda word: word % 2)
            assert ctx.get(dut.odd_address) == odd // 2
            if even < config.activation_depth:  # the last word has no successor, and no pixel of one is wanted
                assert ctx.get(dut.even_address) == even // 2
            assert (ctx.get(dut.shift), ctx.get(dut.from_odd)) == beside
            await ctx.tick()
            if step.advance:
                entry, beside = step, (entry.shift, from_odd(first % 2, entry.shift, config.lanes))

    simulate(dut, testbench)
