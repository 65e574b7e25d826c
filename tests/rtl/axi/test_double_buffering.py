"""What a driver sees of two buffers: a queued START, loads meanwhile, and what goes wrong."""

from __future__ import annotations

import numpy as np
import pytest

from rtl.array.write_bus import LayerRegister, Space
from rtl.axi.packets import header
from rtl.formats.dense_zeros import DenseZeros
from rtl.formats.fixed import Fixed
from sim.mapping.cycles import Chain, layer_cycles
from sim.mapping.pack import PackedLayer, Write
from sim.simulate.load_packets import START, beats_of_bytes
from tests.drawn import draw_activations
from tests.rtl.axi.host import Host, everything, packed_layer, with_host

PACKED = packed_layer(Fixed(4), buffers=2)
LOCKSTEP = packed_layer(DenseZeros(), buffers=2)


def activations(packed: PackedLayer, seed: int) -> list[Write]:
    return list(packed.activation_writes(draw_activations(packed.layer, 1, seed)))


def check_results(packed: PackedLayer, taken: bytearray, seeds: list[int]) -> None:
    """Whole results of a run for each seed, one after the other."""
    beats = beats_of_bytes(packed.config, bytes(taken))
    assert len(beats) == len(seeds) * packed.result_beats
    for seed, part in zip(seeds, np.split(beats, len(seeds)), strict=True):
        answer = packed.answer(draw_activations(packed.layer, 1, seed))
        np.testing.assert_array_equal(packed.unpack_results(part), answer)


async def stall(host: Host, stalled: bool) -> None:
    """A receiver that takes nothing keeps the layer running."""
    host.ctx.set(host.dut.send.tready, not stalled)


async def settled(host: Host) -> None:
    while await host.read("STATUS"):
        pass


async def queued(host: Host) -> bool:
    return bool(await host.read("STATUS") & host.table["STATUS"].field("QUEUED").mask)


@pytest.mark.parametrize("packed", [PACKED, LOCKSTEP], ids=["chain", "lock-step"])
def test_a_layer_is_loaded_and_queued_while_another_one_runs(packed: PackedLayer) -> None:
    async def scenario(host: Host) -> None:
        await host.load(everything(packed, seed=1))
        await stall(host, True)
        await host.command("START")
        assert await host.load(activations(packed, 2)) == {"LOADED"}  # while the first layer runs
        await host.command("START")
        assert await queued(host)
        await host.command("START")
        assert await host.events() == {"START_REFUSED"}
        await stall(host, False)
        await settled(host)
        assert await host.events() == {"DONE"}
        assert await host.read("RUNS") == 2
        assert await host.read("CYCLES") == layer_cycles(packed.plan, Chain.of(packed.config))

    check_results(packed, with_host(packed, scenario), [1, 2])


def test_loads_for_the_layer_after_the_queued_one_wait() -> None:
    async def scenario(host: Host) -> None:
        await host.load(everything(PACKED, seed=1))
        await stall(host, True)
        await host.command("START")
        await host.load([*activations(PACKED, 2), START])
        load = host.dut.load
        host.ctx.set(load.tdata, header(Space.BIAS, 0, 0, 1))
        host.ctx.set(load.tlast, 0)
        host.ctx.set(load.tvalid, 1)
        await host.ctx.tick().repeat(2)
        host.ctx.set(load.tlast, 1)
        await host.ctx.tick()  # a data beat, whose word waits
        host.ctx.set(load.tvalid, 0)
        await host.ctx.tick().repeat(50)
        status = host.table["STATUS"]
        both = status.field("QUEUED").mask | status.field("LOADING").mask
        assert await host.read("STATUS") & both == both
        await stall(host, False)
        await settled(host)
        assert await host.events() == {"LOADED", "DONE"}

    check_results(PACKED, with_host(PACKED, scenario), [1, 2])


@pytest.mark.parametrize("space", [Space.WEIGHT, Space.TABLE, Space.ACTIVATION])
def test_a_space_that_is_loaded_in_part_does_not_start(space: Space) -> None:
    async def scenario(host: Host) -> None:
        await host.load(everything(PACKED))
        assert await host.run() == {"DONE"}
        part = [write for write in everything(PACKED) if write.space is space]
        await host.load([write for write in part if write.row == 0])
        assert await host.run() == {"NOT_LOADED"}
        await host.load([write for write in part if write.row == 1])
        assert await host.run() == {"DONE"}

    check_results(PACKED, with_host(PACKED, scenario), [0, 0])


def test_after_a_wrong_packet_no_layer_starts_from_the_stream_before_the_host_has_seen_it() -> None:
    async def scenario(host: Host) -> None:
        await host.load(everything(PACKED, seed=1))
        await host.send([header(Space.LAYER, 0, LayerRegister.LAST_FILTER, 1), 1 << 20])
        await host.send_packet([*activations(PACKED, 1), START])
        assert await host.events() == {"LOAD_ERROR", "LOADED", "START_REFUSED"}
        await host.send_packet([START])
        await settled(host)
        assert await host.events() == {"LOADED", "DONE"}

    check_results(PACKED, with_host(PACKED, scenario), [1])


def test_a_load_error_does_not_touch_the_layer_that_runs() -> None:
    async def scenario(host: Host) -> None:
        await host.load(everything(PACKED, seed=1))
        await stall(host, True)
        await host.command("START")
        await host.send([header(Space.LAYER, 0, LayerRegister.LAST_TILE, 2), 1 << 20])
        assert await host.events() == {"LOAD_ERROR"}
        await stall(host, False)
        await settled(host)
        assert await host.events() == {"DONE"}

    check_results(PACKED, with_host(PACKED, scenario), [1])


@pytest.mark.parametrize("how", ["SOFT_RESET", "TIMEOUT"])
def test_what_stops_a_layer_drops_the_queued_one(how: str) -> None:
    async def scenario(host: Host) -> None:
        await host.load(everything(PACKED, seed=1))
        await stall(host, True)
        await host.command("START")
        await host.load(activations(PACKED, 2))
        await host.command("START")
        if how == "SOFT_RESET":
            await host.command("SOFT_RESET")
        else:
            await host.write("WATCHDOG", 3)
            await host.ctx.tick().repeat(20)
            assert await host.events() == {"TIMEOUT"}
            await host.write("WATCHDOG", 31)
        assert not await queued(host)
        await stall(host, False)
        await settled(host)
        assert await host.run() == {"NOT_LOADED"}
        await host.load(everything(PACKED, seed=3))
        assert await host.run() == {"DONE"}

    taken = with_host(PACKED, scenario)
    check_results(PACKED, taken[-PACKED.result_beats :], [3])  # a byte a beat


def test_a_packet_starts_a_layer_behind_one_buffer_too() -> None:
    packed = packed_layer(Fixed(4))

    async def scenario(host: Host) -> None:
        await host.load([*everything(packed, seed=1), START, *activations(packed, 2), START])
        await settled(host)
        assert await host.read("RUNS") == 2

    check_results(packed, with_host(packed, scenario), [1, 2])


def test_a_packet_that_starts_what_is_not_loaded_is_told() -> None:
    async def scenario(host: Host) -> None:
        assert await host.load([*activations(PACKED, 2), START]) == {"NOT_LOADED", "LOADED"}

    assert not with_host(PACKED, scenario)
