"""Load packets come out as the writes they were made of, and a wrong one harms only itself."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtl.array.register_values import register_values
from rtl.array.write_bus import Space, data_bits
from rtl.axi.loader import Loader
from rtl.axi.packets import header, words_of_space
from rtl.config import ArrayConfig
from sim.mapping.pack import Write
from sim.simulate.load_packets import load_packet
from tests.support import simulate

# An activation word has 72 bits, in three beats.
CONFIG = ArrayConfig(rows=3, lanes=9, act_bits=8, weight_depth=64, activation_depth=32, table_depth=16, bias_depth=8)
VALUES = {space: list(registers.values()) for space, registers in register_values(CONFIG).items()}


def run_packets(packets: Iterable[list[int]], seed: int) -> tuple[list[Write], int, int]:
    """Writes that came out, and how many packets were loaded and failed, with gaps on both sides."""
    dut = Loader(CONFIG)
    chooser = random.Random(seed)
    writes: list[Write] = []
    loaded = failed = 0

    async def testbench(ctx: Any) -> None:
        for packet in packets:
            for place, beat in enumerate(packet):
                ctx.set(dut.load.tdata, int(beat))
                ctx.set(dut.load.tlast, place == len(packet) - 1)
                ctx.set(dut.load.tvalid, 0)
                while chooser.random() < 0.2:
                    await cycle(ctx)
                ctx.set(dut.load.tvalid, 1)
                while not await cycle(ctx):
                    pass
                ctx.set(dut.load.tvalid, 0)
        for _ in range(4):
            await cycle(ctx)
        assert not ctx.get(dut.in_packet)

    async def cycle(ctx: Any) -> bool:
        nonlocal loaded, failed
        ctx.set(dut.write.ready, chooser.random() < 0.7)
        taken = ctx.get(dut.load.tvalid) and ctx.get(dut.load.tready)
        if ctx.get(dut.write.valid) and ctx.get(dut.write.ready):
            payload = ctx.get(dut.write.payload)
            writes.append(Write(Space(payload.space), payload.row, payload.address, payload.data))
        loaded += ctx.get(dut.loaded)
        failed += ctx.get(dut.failed)
        await ctx.tick()
        return bool(taken)

    simulate(dut, testbench)
    return in_bank(writes), loaded, failed


@st.composite
def drawn_writes(draw: st.DrawFn) -> list[Write]:
    space = draw(st.sampled_from(Space))
    row = 0 if space in (Space.LAYER, Space.BIAS) else draw(st.integers(0, CONFIG.rows - 1))
    depth = words_of_space(CONFIG, space)
    first = draw(st.integers(0, depth - 1))
    count = draw(st.integers(1, min(5, depth - first)))
    return [Write(space, row, first + n, draw(legal_data(space, first + n))) for n in range(count)]


def legal_data(space: Space, address: int) -> st.SearchStrategy[int]:
    if space in VALUES:
        return st.sampled_from(VALUES[space][address])
    return st.integers(0, (1 << word_bits(space)) - 1)


def in_bank(writes: Iterable[Write]) -> list[Write]:
    """Without the bits above a bank's words, which mean nothing."""
    return [write._replace(data=write.data & ((1 << word_bits(write.space)) - 1)) for write in writes]


def word_bits(space: Space) -> int:
    return data_bits(CONFIG) if space is Space.ACTIVATION else 32


@settings(max_examples=20)
@given(st.lists(st.lists(drawn_writes(), min_size=1, max_size=3), min_size=1, max_size=3), st.integers(0, 99))
def test_packets_come_out_as_their_writes(groups: list[list[list[Write]]], seed: int) -> None:
    packets = [[write for segment in packet for write in segment] for packet in groups]
    writes, loaded, failed = run_packets([list(load_packet(CONFIG, packet)) for packet in packets], seed)
    assert writes == [write for packet in packets for write in packet]
    assert (loaded, failed) == (len(packets), 0)


GOOD = [Write(Space.BIAS, 0, n, n + 5) for n in range(3)]


@pytest.mark.parametrize(
    "packet",
    [
        [*header(Space.WEIGHT, 3, 0, 1), 7],  # no such row
        [*header(Space.LAYER, 1, 0, 1), 7],  # has no rows
        [*header(Space.BIAS, 2, 0, 1), 7],
        [*header(Space.LAYER, 0, 0, 2), 8, 0],  # more filters than biases
        [*header(Space.ROW, 1, 1, 1), 0],  # no positions
        [*header(Space.WEIGHT, 0, 63, 2), 7, 8],  # past the bank's end
        [6 << 24, 0, 7],  # no such space
        [7, *[1] * 9],
        [*header(Space.BIAS, 0, 0, 1)],  # ends before its word
        [header(Space.BIAS, 0, 0, 1)[0]],
    ],
    ids=[
        "row",
        "row of the layer",
        "row of a bias",
        "filters",
        "positions",
        "address",
        "space",
        "noise",
        "no word",
        "half a header",
    ],
)
def test_a_wrong_packet_writes_nothing_and_the_next_one_is_loaded(packet: list[int]) -> None:
    if packet[0] == 7:
        packet[0] = 0xFFFFFFFF
    writes, loaded, failed = run_packets([packet, list(load_packet(CONFIG, GOOD))], seed=5)
    assert writes == GOOD
    assert (loaded, failed) == (1, 1)


def test_a_packet_that_ends_early_keeps_the_words_it_had() -> None:
    writes, loaded, failed = run_packets([[*header(Space.BIAS, 0, 0, 3), 5, 6], [*load_packet(CONFIG, GOOD)]], seed=6)
    assert writes == [*GOOD[:2], *GOOD]
    assert (loaded, failed) == (1, 1)


@settings(max_examples=60)
@given(
    st.sampled_from(list(VALUES)).flatmap(
        lambda space: st.tuples(st.just(space), st.integers(0, len(VALUES[space]) - 1))
    ),
    st.data(),
)
def test_a_register_takes_its_legal_values_and_no_others(place: tuple[Space, int], data: st.DataObject) -> None:
    space, address = place
    legal = VALUES[space][address]
    edges = {near & 0xFFFFFFFF for value in (legal[0], legal[-1]) for near in (value - 1, value, value + 1)}
    value = data.draw(st.sampled_from(sorted(edges)) | st.sampled_from(legal) | st.integers(0, (1 << 32) - 1))
    writes, loaded, failed = run_packets([[*header(space, 0, address, 1), value], list(load_packet(CONFIG, GOOD))], 7)
    taken = value in legal
    assert writes == [Write(space, 0, address, value)] * taken + GOOD
    assert (loaded, failed) == (1 + taken, 1 - taken)


def test_registers_before_an_illegal_one_are_written_and_those_behind_it_are_not() -> None:
    packet = [*header(Space.LAYER, 0, 0, 7), 3, 4, 0x200, 6, 1, 0, 0]
    writes, loaded, failed = run_packets([packet, list(load_packet(CONFIG, GOOD))], seed=8)
    assert writes == [Write(Space.LAYER, 0, 0, 3), Write(Space.LAYER, 0, 1, 4), *GOOD]
    assert (loaded, failed) == (1, 1)
