"""Sequences of runs that the load stream starts, on the accelerator in Amaranth's simulator, and their model."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from numpy.typing import NDArray

from rtl.array.write_bus import Space
from rtl.axi.registers import register_table
from rtl.axi.sender import result_bytes
from rtl.axi.shell import Shell
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense
from rtl.formats.index_format import IndexFormat
from rtl.formats.nm import NM
from sim.makespan.layer_runs import changed_spaces
from sim.makespan.makespan import LoadedRun, Makespan, makespan
from sim.makespan.run_loads import run_segments
from sim.makespan.transfer import Supply
from sim.mapping.cycles import Chain, layer_cycles
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.pack import PackedLayer, Write, pack
from sim.mapping.plan import plan_layer
from sim.mapping.tiles import Tiling
from sim.simulate.load_packets import START, beats_of_bytes, load_packet
from tests.drawn import draw_activations, layers, layers_and_arrays
from tests.rtl.axi.master import Master
from tests.support import simulate

COUNTERS = ("TOTAL_CYCLES", "BUSY_CYCLES", "RUNS", "CYCLES", "LOAD_BEATS", "RESULT_BEATS", "IRQ_STATUS", "STATUS")
MOST_CYCLES = 16_000
LOADS = [space for space in Space if space is not Space.COMMAND]


@dataclass(frozen=True, eq=False)
class Step:
    """A run and what is loaded for it; the rest is as the step before left it."""

    packed: PackedLayer
    activations: NDArray[np.uint8]
    spaces: frozenset[Space] = frozenset(Space)

    @property
    def writes(self) -> list[Write]:
        everything = [*self.packed.static_writes(), *self.packed.activation_writes(self.activations), START]
        return [write for write in everything if write.space in self.spaces]

    @property
    def run(self) -> LoadedRun:
        """For the model."""
        config = self.packed.config
        cycles = layer_cycles(self.packed.plan, Chain.of(config))
        return LoadedRun(run_segments(self.packed.plan, config, self.spaces), cycles)


@dataclass(frozen=True)
class Gaps:
    """Beats of loads at a constant rate, or random gaps on either side: fractions of the cycles."""

    rate: Fraction = Fraction(1)
    loads: float = 0.0
    results: float = 0.0
    seed: int = 0


@dataclass
class Outcome:
    """A packet of results for each step, and counters at the end."""

    packets: list[bytes] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)

    def results(self, steps: Sequence[Step]) -> list[NDArray[np.int16]]:
        return [
            step.packed.unpack_results(beats_of_bytes(step.packed.config, packet))
            for step, packet in zip(steps, self.packets, strict=True)
        ]


def predicted(steps: Sequence[Step], rate: Fraction = Fraction(1)) -> Makespan:
    return makespan(steps[0].packed.config, [step.run for step in steps], rate)


def run_sequence(config: ArrayConfig, packets: Sequence[NDArray[np.uint8]], runs: int, gaps: Gaps = Gaps()) -> Outcome:
    """Send all packets as early as they are taken, until ``runs`` packets of results have come."""
    dut, outcome, chooser = Shell(config), Outcome(), random.Random(gaps.seed)
    supply = Supply(gaps.rate)
    beats = [
        (int.from_bytes(beat.tobytes(), "little"), place == len(packet) - 1)
        for packet in packets
        for place, beat in enumerate(packet)
    ]

    async def testbench(ctx: Any) -> None:
        load, send, at, offering, received = dut.load, dut.send, 0, False, bytearray()
        for cycle in count():
            assert cycle < MOST_CYCLES, "the sequence does not end"
            if not offering and at < len(beats):
                offering = supply.from_cycle(cycle) == cycle and chooser.random() >= gaps.loads
                ctx.set(load.tdata, beats[at][0])
                ctx.set(load.tlast, beats[at][1])
            ctx.set(load.tvalid, offering)
            ctx.set(send.tready, chooser.random() >= gaps.results)
            if offering and ctx.get(load.tready):
                at, offering = at + 1, False
            if ctx.get(send.tvalid) and ctx.get(send.tready):
                received += ctx.get(send.tdata).to_bytes(result_bytes(config), "little")
                if ctx.get(send.tlast):
                    outcome.packets.append(bytes(received))
                    received.clear()
            await ctx.tick()
            if len(outcome.packets) == runs:
                break
        ctx.set(load.tvalid, 0)
        ctx.set(send.tready, 1)
        await ctx.tick().repeat(3)
        table, master = register_table(config), Master(ctx, dut.registers)
        for name in COUNTERS:
            outcome.counters[name] = (await master.read(table[name].offset))[1]

    simulate(dut, testbench)
    return outcome


def run_steps(steps: Sequence[Step], one_packet: bool = False, gaps: Gaps = Gaps()) -> Outcome:
    """A packet for each step, or one for all of them."""
    config, writes = steps[0].packed.config, [step.writes for step in steps]
    if one_packet:
        writes = [[write for each in writes for write in each]]
    return run_sequence(config, [load_packet(config, each) for each in writes], len(steps), gaps)


def tiling_steps(tiling: Tiling, activations: NDArray[np.uint8]) -> list[Step]:
    """Every run of a layer for each batch in turn; each loads what differs from the run before."""
    inputs = [tiling.inputs(part, activations) for part in tiling.runs]
    steps: list[Step] = []
    before = None
    for batch in range(len(activations) // tiling.batch):
        for number, (part, planned) in enumerate(zip(tiling.runs, tiling.schedule.runs, strict=True)):
            samples = len(part.part.samples)
            values = inputs[number][batch * samples : (batch + 1) * samples]
            spaces = frozenset(Space) if before is None else changed_spaces(before, planned)
            if number == 0:
                spaces |= {Space.ACTIVATION}
            steps.append(Step(part.packed, values, spaces))
            before = planned
    return steps


@st.composite
def sequences(draw: st.DrawFn, kind: type[IndexFormat], buffers: Collection[int] = (1, 2)) -> list[Step]:
    """Up to five runs of one or two small layers on an array for both; what has not changed may stay loaded."""
    layer, config = draw(layers_and_arrays(kind))
    config = config.replace(buffers=draw(st.sampled_from(list(buffers))), levels="linear", weight_bits=8)
    found = [layer]
    if not issubclass(kind, NM) and draw(st.booleans()):
        found.append(draw(layers(issubclass(kind, Dense), layer.act_bits)))
    depths: dict[str, int] = {}
    for each in found:
        geometry = ArrayGeometry.of(each).on(config.lanes, config.requant_lanes)
        plan = plan_layer(
            each.levels != 0, geometry, config.rows, config.lanes, config.index, 1, 8, lockstep=config.lockstep
        )
        depths = {name: max(words, depths.get(name, 0)) for name, words in vars(plan.depths).items()}
    packed = [pack(each, config.replace(**depths)) for each in found]
    steps: list[Step] = []
    for seed in range(draw(st.integers(1, 5))):
        chosen = draw(st.sampled_from(packed))
        again = bool(steps) and steps[-1].packed is chosen
        kept = draw(st.sets(st.sampled_from(LOADS))) if again else set()
        activations = steps[-1].activations if Space.ACTIVATION in kept else draw_activations(chosen.layer, 1, seed)
        steps.append(Step(chosen, activations, frozenset(Space) - kept))
    assume(predicted(steps).total <= MOST_CYCLES // 16)
    return steps
