"""The accelerator behind its ports: what was not loaded does not start, and what cannot end is stopped."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtl.array.register_values import register_values
from rtl.array.write_bus import LayerRegister, Space
from rtl.axi.packets import header
from rtl.formats.index_format import IndexFormat
from rtl.formats.registry import FORMATS, parse_index
from sim.mapping.cycles import Chain, layer_cycles
from sim.simulate.load_packets import beats_of_bytes
from tests.drawn import draw_activations
from tests.rtl.axi.host import LIMIT, WATCHDOG, Host, everything, packed_layer, with_host

PACKED = packed_layer(parse_index("fixed4"))


@pytest.mark.parametrize("space", [space for space in Space if space is not Space.COMMAND])
def test_start_is_refused_until_every_part_is_loaded(space: Space) -> None:
    writes = everything(PACKED)

    async def scenario(host: Host) -> None:
        assert await host.run() == {"NOT_LOADED"}
        assert await host.load(write for write in writes if write.space is not space) == {"LOADED"}
        assert await host.run() == {"NOT_LOADED"}
        assert await host.read("CYCLES") == 0
        assert await host.load(write for write in writes if write.space is space) == {"LOADED"}
        assert await host.run() == {"DONE"}
        assert await host.run() == {"DONE"}  # the same layer again

    with_host(PACKED, scenario)


def test_activations_alone_do_not_start_after_a_soft_reset() -> None:
    activations = list(PACKED.activation_writes(draw_activations(PACKED.layer, 1, 0)))

    async def scenario(host: Host) -> None:
        await host.load(everything(PACKED))
        await host.command("SOFT_RESET")
        assert await host.load(activations) == {"LOADED"}
        assert await host.run() == {"NOT_LOADED"}
        assert await host.load(PACKED.static_writes()) == {"LOADED"}
        assert await host.run() == {"DONE"}

    with_host(PACKED, scenario)


def test_a_layer_within_its_limit_runs_and_half_the_limit_stops_it() -> None:
    cycles = layer_cycles(PACKED.plan, Chain.of(PACKED.config))
    enough = (cycles - 1).bit_length()

    async def scenario(host: Host) -> None:
        await host.load(everything(PACKED))
        await host.write("WATCHDOG", enough)
        assert await host.run() == {"DONE"}
        assert await host.read("CYCLES") == cycles
        await host.write("WATCHDOG", enough - 1)
        assert await host.run() == {"TIMEOUT"}
        assert await host.run() == {"NOT_LOADED"}

    with_host(PACKED, scenario)


def test_an_illegal_register_is_an_error_and_keeps_its_value() -> None:
    async def scenario(host: Host) -> None:
        await host.load(everything(PACKED))
        await host.send([header(Space.LAYER, 0, LayerRegister.LAST_FILTER, 1), 1 << 20])
        assert await host.events() == {"LOAD_ERROR"}
        assert await host.run() == {"DONE"}
        assert await host.read("CYCLES") == layer_cycles(PACKED.plan, Chain.of(PACKED.config))

    with_host(PACKED, scenario)


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=3)
@given(data=st.data())
def test_a_layer_with_wrong_counts_ends_or_is_stopped_and_after_a_reset_the_next_one_is_right(
    kind: type[IndexFormat], data: st.DataObject
) -> None:
    packed = packed_layer(kind())
    values = {space: list(registers.values()) for space, registers in register_values(packed.config).items()}
    writes = everything(packed)
    places = [n for n, write in enumerate(writes) if write.space in values]
    wrong = list(writes)
    for n in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=3)):
        legal = values[wrong[n].space][wrong[n].address]
        wrong[n] = wrong[n]._replace(data=data.draw(st.sampled_from(legal)))
    watched = data.draw(st.booleans())

    async def scenario(host: Host) -> None:
        assert await host.load(wrong) == {"LOADED"}
        if watched:
            await host.write("WATCHDOG", WATCHDOG)
            assert await host.run() in ({"DONE"}, {"TIMEOUT"})
            assert await host.read("CYCLES") <= LIMIT
        else:
            await host.command("START")
            await host.ctx.tick().repeat(LIMIT)
        await host.command("SOFT_RESET")  # also after DONE: sums may be left between the rows
        await host.ctx.tick().repeat(4)
        assert await host.read("STATUS") == 0
        await host.events()
        assert await host.load(writes) == {"LOADED"}
        assert await host.run() == {"DONE"}
        assert await host.read("CYCLES") == layer_cycles(packed.plan, Chain.of(packed.config))

    taken = with_host(packed, scenario)
    beats = beats_of_bytes(packed.config, bytes(taken[-packed.result_beats :]))
    answer = packed.answer(draw_activations(packed.layer, 1, 0))
    np.testing.assert_array_equal(packed.unpack_results(beats), answer)
