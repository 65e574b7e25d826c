"""What the host in the simulator is told and answers; with the simulator in tests/sim/simulate/test_runner.py."""

from __future__ import annotations

import io

import numpy as np
import pytest

from rtl.array.write_bus import write_bus_layout
from rtl.config import ArrayConfig
from sim.mapping.pack import pack
from sim.simulate.host import host_parameters, read_answers, write_entry
from sim.simulate.runner import Stalls
from tests.drawn import draw_activations, draw_levels, make_layer

CONFIG = ArrayConfig(rows=2, lanes=4, requant_lanes=2)
LAYER = make_layer(draw_levels((2, 3, 1, 1), 8, 0.8, 1), 8, 2, 3)
PACKED = pack(LAYER, CONFIG)
BEATS = [f"{beat:05x}\n" for beat in range(PACKED.result_beats)]


def commands(stalls: Stalls) -> list[tuple[int, int]]:
    file = io.StringIO()
    write_entry(file, PACKED, draw_activations(LAYER, 2, 1), stalls)
    return [(int(kind, 16), int(value, 16)) for kind, value in map(str.split, file.getvalue().splitlines())]


def test_every_write_of_the_packed_layer_is_told_in_order() -> None:
    fields = {str(name): field for name, field in write_bus_layout(CONFIG)}
    batches = draw_activations(LAYER, 2, 1)
    wanted = [*PACKED.static_writes()]
    for first in (0, 1):
        wanted += PACKED.activation_writes(batches[first : first + 1])
    told = [value for kind, value in commands(Stalls()) if kind == 0]
    for value, write in zip(told, wanted, strict=True):
        assert value >> host_parameters(CONFIG)["WRITE_BITS"] == 0
        for name, field in fields.items():
            assert value >> field.offset & ((1 << field.width) - 1) == getattr(write, name)


def test_each_batch_is_started_and_the_entry_ended() -> None:
    kinds = [kind for kind, _ in commands(Stalls(0.25, 0.5, 3))]
    assert kinds[:3] == [2, 3, 4]
    assert kinds.count(1) == 2
    assert kinds[-2:] == [1, 5]


def test_stalls_are_parts_of_256_and_the_seed_is_never_zero() -> None:
    told = dict(commands(Stalls(0.25, 0.5, 3))[:3])
    assert (told[3], told[4]) == (64, 128)
    assert told[2]


def test_beats_are_cut_into_lanes() -> None:
    beats, cycles = read_answers(iter([*BEATS[:-1], "11234\n", "done 0000001f 0\n"]), PACKED, 1)
    assert cycles == [31]
    np.testing.assert_array_equal(beats[0][-1], [0x34, 0x12])


@pytest.mark.parametrize("lines", [BEATS[1:], [*BEATS, BEATS[0]]], ids=["too early", "too late"])
def test_a_last_at_the_wrong_beat_is_red(lines: list[str]) -> None:
    with pytest.raises(AssertionError, match="last came"):
        read_answers(iter([*lines, "done 1 0\n"]), PACKED, 1)


def test_an_array_that_stays_busy_is_red() -> None:
    with pytest.raises(AssertionError, match="busy after"):
        read_answers(iter([*BEATS, "done 1 1\n"]), PACKED, 1)
