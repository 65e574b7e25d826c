"""Load packets come out as the writes they were made of, and a wrong one harms only itself."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtl.array.register_values import register_values
from rtl.array.write_bus import Space, rows_of
from rtl.axi.loader import SEGMENT_CYCLES, Loader
from rtl.axi.packets import data_beats, header, header_beats, word_bits, word_cycles, words_of_space
from rtl.config import STREAM_BITS, ArrayConfig
from sim.mapping.pack import Write
from sim.simulate.load_packets import load_packet
from tests.support import simulate

# An activation word has 72 bits, wider than a beat of 32 or 64; a weight's 12 bits do not divide a beat.
CONFIG = ArrayConfig(rows=3, lanes=9, act_bits=8, weight_depth=64, activation_depth=32, table_depth=16, bias_depth=8)
CONFIGS = {bits: CONFIG.replace(stream_bits=bits) for bits in STREAM_BITS}
START = Write(Space.COMMAND, 0, 0, 1)
VALUES = {space: list(registers.values()) for space, registers in register_values(CONFIG).items()}


def run_packets(packets: Iterable[list[int]], seed: int, config: ArrayConfig = CONFIG) -> tuple[list[Write], int, int]:
    """Writes that came out, and how many packets were loaded and failed, with gaps on both sides."""
    dut = Loader(config)
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
        while ctx.get(dut.loading):
            await cycle(ctx)
        await cycle(ctx)
        assert not ctx.get(dut.in_packet)

    async def cycle(ctx: Any) -> bool:
        nonlocal loaded, failed
        ctx.set(dut.write.ready, chooser.random() < 0.7)
        ctx.set(dut.start_ready, chooser.random() < 0.7)
        taken = ctx.get(dut.load.tvalid) and ctx.get(dut.load.tready)
        if ctx.get(dut.write.valid) and ctx.get(dut.write.ready):
            payload = ctx.get(dut.write.payload)
            writes.append(Write(Space(payload.space), payload.row, payload.address, payload.data))
        if ctx.get(dut.start & dut.start_ready):
            writes.append(START)
        loaded += ctx.get(dut.loaded)
        failed += ctx.get(dut.failed)
        await ctx.tick()
        return bool(taken)

    simulate(dut, testbench)
    return in_bank(writes), loaded, failed


@st.composite
def drawn_writes(draw: st.DrawFn) -> list[Write]:
    space = draw(st.sampled_from(Space))
    row = 0 if rows_of(CONFIG, space) == 1 else draw(st.integers(0, CONFIG.rows - 1))
    depth = words_of_space(CONFIG, space)
    first = draw(st.integers(0, depth - 1))
    count = draw(st.integers(1, min(5, depth - first)))
    return [Write(space, row, first + n, draw(legal_data(space, first + n))) for n in range(count)]


def legal_data(space: Space, address: int) -> st.SearchStrategy[int]:
    if space in VALUES:
        return st.sampled_from(VALUES[space][address])
    return st.integers(0, (1 << word_bits(CONFIG, space)) - 1)


def in_bank(writes: Iterable[Write]) -> list[Write]:
    """Without the bits above a bank's words, which mean nothing."""
    return [write._replace(data=write.data & ((1 << word_bits(CONFIG, write.space)) - 1)) for write in writes]


def beats(config: ArrayConfig, writes: Iterable[Write]) -> list[int]:
    """A packet's beats as numbers."""
    return [int.from_bytes(beat.tobytes(), "little") for beat in load_packet(config, writes)]


def segment(head: int, *words: int, bits: int = 32) -> list[int]:
    """Beats of 64 bits of a header and of words that nothing else has looked at."""
    joined = sum(word << (bits * place) for place, word in enumerate(words))
    count = -(-bits * len(words) // 64)
    return [head, *(joined >> (64 * place) & ((1 << 64) - 1) for place in range(count))]


packets_of_writes = st.lists(st.lists(drawn_writes(), min_size=1, max_size=3), min_size=1, max_size=3)


@settings(max_examples=30)
@given(st.sampled_from(STREAM_BITS), packets_of_writes, st.integers(0, 99))
def test_packets_come_out_as_their_writes(stream_bits: int, groups: list[list[list[Write]]], seed: int) -> None:
    config = CONFIGS[stream_bits]
    packets = [[write for segment in packet for write in segment] for packet in groups]
    writes, loaded, failed = run_packets([beats(config, packet) for packet in packets], seed, config)
    assert writes == [write for packet in packets for write in packet]
    assert (loaded, failed) == (len(packets), 0)


@settings(max_examples=20)
@given(st.sampled_from(STREAM_BITS), drawn_writes())
def test_a_segment_takes_the_beats_and_cycles_that_are_promised(stream_bits: int, writes: list[Write]) -> None:
    config, space = CONFIGS[stream_bits], writes[0].space
    packet = beats(config, writes)
    assert len(packet) == header_beats(config) + data_beats(config, space, len(writes))
    dut, cycles = Loader(config), 0

    async def testbench(ctx: Any) -> None:
        nonlocal cycles
        ctx.set(dut.write.ready, 1)
        ctx.set(dut.start_ready, 1)
        ctx.set(dut.load.tvalid, 1)
        place = 0
        while not ctx.get(dut.loaded):
            ctx.set(dut.load.tdata, packet[min(place, len(packet) - 1)])
            ctx.set(dut.load.tlast, place == len(packet) - 1)
            ctx.set(dut.load.tvalid, place < len(packet))
            place += ctx.get(dut.load.tvalid & dut.load.tready)
            await ctx.tick()
            cycles += 1

    simulate(dut, testbench)
    assert cycles == header_beats(config) + len(writes) * word_cycles(config, space) + SEGMENT_CYCLES


GOOD = [Write(Space.BIAS, 0, n, n + 5) for n in range(3)]


@pytest.mark.parametrize(
    "packet",
    [
        segment(header(Space.WEIGHT, 3, 0, 1), 7, bits=12),
        segment(header(Space.LAYER, 1, 0, 1), 7),
        segment(header(Space.BIAS, 2, 0, 1), 7, bits=24),
        segment(header(Space.LAYER, 0, 0, 2), 8, 0),
        segment(header(Space.ROW, 1, 1, 1), 0),
        segment(header(Space.WEIGHT, 0, 63, 2), 7, 8, bits=12),
        [7 << 24, 7],
        segment(header(Space.COMMAND, 0, 0, 1), 2),
        [(1 << 64) - 1, *[1] * 9],
        segment(header(Space.BIAS, 0, 0, 1))[:1],
        segment(header(Space.ACTIVATION, 0, 0, 1), 7),
    ],
    ids=[
        "row",
        "row of the layer",
        "row of a bias",
        "more filters than biases",
        "no positions",
        "past the bank's end",
        "no such space",
        "no such command",
        "noise",
        "ends before its word",
        "ends within its word",
    ],
)
def test_a_wrong_packet_writes_nothing_and_the_next_one_is_loaded(packet: list[int]) -> None:
    writes, loaded, failed = run_packets([packet, beats(CONFIG, GOOD)], seed=5)
    assert writes == GOOD
    assert (loaded, failed) == (1, 1)


def test_a_header_of_two_beats_that_ends_after_the_first_is_wrong() -> None:
    config = CONFIGS[32]
    writes, loaded, failed = run_packets([beats(config, GOOD)[:1], beats(config, GOOD)], 5, config)
    assert (writes, loaded, failed) == (GOOD, 1, 1)


def test_a_packet_that_ends_early_keeps_the_words_it_had() -> None:
    packet = segment(header(Space.BIAS, 0, 0, 3), 5, 6, 7, bits=24)
    writes, loaded, failed = run_packets([packet[:-1], beats(CONFIG, GOOD)], seed=6)
    assert writes == [*GOOD[:2], *GOOD]
    assert (loaded, failed) == (1, 1)


def test_a_segment_that_goes_on_after_its_last_word_is_wrong() -> None:
    packet = [*beats(CONFIG, GOOD), 0]  # as a header: one word for a register, which does not come
    writes, loaded, failed = run_packets([packet, beats(CONFIG, GOOD)], seed=6)
    assert writes == [*GOOD, *GOOD]
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
    writes, loaded, failed = run_packets([segment(header(space, 0, address, 1), value), beats(CONFIG, GOOD)], 7)
    taken = value in legal
    assert writes == [Write(space, 0, address, value)] * taken + GOOD
    assert (loaded, failed) == (1 + taken, 1 - taken)


def test_registers_before_an_illegal_one_are_written_and_those_behind_it_are_not() -> None:
    packet = segment(header(Space.LAYER, 0, 0, 7), 3, 4, 0x200, 6, 1, 0, 0)
    writes, loaded, failed = run_packets([packet, beats(CONFIG, GOOD)], seed=8)
    assert writes == [Write(Space.LAYER, 0, 0, 3), Write(Space.LAYER, 0, 1, 4), *GOOD]
    assert (loaded, failed) == (1, 1)
