"""The loader's cycles, at any rate of beats and with a first word that has to wait."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from rtl.array.write_bus import Space
from rtl.axi.loader import Loader
from rtl.axi.packets import words_of_space
from rtl.config import STREAM_BITS, ArrayConfig
from sim.makespan.run_loads import Segment
from sim.makespan.transfer import LoaderTime, Supply, load_cycles
from sim.mapping.pack import Write
from sim.simulate.load_packets import load_packet
from tests.support import simulate

# Words of 12, 9, 72 and 24 bits.
CONFIG = ArrayConfig(rows=2, lanes=9, weight_depth=64, table_depth=32, activation_depth=32)
CONFIGS = {bits: CONFIG.replace(stream_bits=bits) for bits in STREAM_BITS}
BANKS = [Space.WEIGHT, Space.TABLE, Space.ACTIVATION, Space.BIAS]
rates = st.builds(Fraction, st.integers(1, 3), st.integers(3, 7))


@st.composite
def drawn_segments(draw: st.DrawFn) -> list[Segment]:
    spaces = draw(st.lists(st.sampled_from(BANKS), min_size=1, max_size=4))
    return [Segment(space, draw(st.integers(1, min(20, words_of_space(CONFIG, space))))) for space in spaces]


def simulated(config: ArrayConfig, segments: list[Segment], supply: Supply, opens: int) -> int:
    """The cycle in which the RTL writes the last word; none is taken before ``opens``."""
    writes = [Write(segment.space, 0, word, 0) for segment in segments for word in range(segment.words)]
    packet, dut, last, cycle = load_packet(config, writes), Loader(config), 0, 0

    async def testbench(ctx: Any) -> None:
        nonlocal last, cycle
        at, offering = 0, False
        while not ctx.get(dut.loaded):
            offering = offering or (at < len(packet) and supply.from_cycle(cycle) == cycle)
            ctx.set(dut.load.tvalid, offering)
            ctx.set(dut.load.tlast, at == len(packet) - 1)
            if offering:
                ctx.set(dut.load.tdata, int.from_bytes(packet[at].tobytes(), "little"))
            ctx.set(dut.write.ready, cycle >= opens)
            if offering and ctx.get(dut.load.tready):
                at, offering = at + 1, False
            if ctx.get(dut.write.valid & dut.write.ready):
                last = cycle
            await ctx.tick()
            cycle += 1

    simulate(dut, testbench)
    return last


@settings(max_examples=25)
@given(st.sampled_from(STREAM_BITS), drawn_segments(), st.just(Fraction(1)) | rates, st.integers(0, 30))
def test_the_loader_takes_the_cycles_of_the_model(
    stream_bits: int, segments: list[Segment], rate: Fraction, opens: int
) -> None:
    config, supply = CONFIGS[stream_bits], Supply(rate)
    time = LoaderTime(config, supply)
    for segment in segments:
        last = time.load(segment, opens)
    assert last == simulated(config, segments, supply, opens)
    if opens == 0:
        assert load_cycles(config, segments, supply) == last + 1


@given(st.sampled_from(STREAM_BITS), drawn_segments(), st.integers(0, 60))
def test_the_short_count_at_the_full_rate_is_the_count_beat_by_beat(
    stream_bits: int, segments: list[Segment], opens: int
) -> None:
    for segment in segments:
        short, long = (LoaderTime(CONFIGS[stream_bits]) for _ in range(2))
        assert short._words_at_full_rate(segment, 3, opens) == long._words(segment, 3, opens)


@given(rates, st.integers(0, 100))
def test_a_supply_offers_its_rate(rate: Fraction, cycles: int) -> None:
    supply = Supply(rate)
    offers = [cycle for cycle in range(cycles) if supply.from_cycle(cycle) == cycle]
    assert offers == [cycle for cycle in range(cycles) if cycle * rate % 1 < rate]


@pytest.mark.parametrize("rate", [Fraction(0), Fraction(3, 2)])
def test_no_beats_and_more_than_one_a_cycle_are_refused(rate: Fraction) -> None:
    with pytest.raises(CodesignError, match="beats a cycle"):
        Supply(rate)
