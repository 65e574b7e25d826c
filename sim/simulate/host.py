"""Commands for ``bank_host.v``, the host inside the simulator, and its answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from rtl.array.drain import result_layout
from rtl.array.write_bus import write_bus_layout
from rtl.config import ArrayConfig
from sim.mapping.cycles import Chain, layer_cycles
from sim.mapping.pack import PackedLayer, Write

__all__ = ["HOST", "SOURCE", "host_parameters", "read_answers", "write_entry"]

HOST = "codesign_host"
"""Module of the host, the top of the simulation."""

SOURCE = Path(__file__).with_name("bank_host.v")


class _Command(IntEnum):
    """As numbered in ``bank_host.v``."""

    WRITE = 0
    START = 1
    SEED = 2
    WRITE_STALL = 3
    RESULT_STALL = 4
    ENTRY = 5


def host_parameters(config: ArrayConfig) -> dict[str, int]:
    """Parameters of ``codesign_host`` for an array."""
    return {"WRITE_BITS": write_bus_layout(config).size, "RESULT_BITS": result_layout(config).size}


def write_entry(file: TextIO, packed: PackedLayer, activations: NDArray[np.uint8], stalls: Any) -> None:
    """Commands that load a layer and run it on each batch of ``activations``; ``stalls``: ``sim.simulate.runner``."""
    _tell(file, _Command.SEED, (stalls.seed * 0x9E3779B9 + 1) & 0xFFFFFFFF | 1 << 31)
    _tell(file, _Command.WRITE_STALL, round(256 * stalls.writes))
    _tell(file, _Command.RESULT_STALL, round(256 * stalls.results))
    file.writelines(_lines(packed.config, packed.static_writes()))
    batch = packed.plan.layout.batch
    for first in range(0, len(activations), batch):
        file.writelines(_lines(packed.config, packed.activation_writes(activations[first : first + batch])))
        _tell(file, _Command.START, 100 + 2 * layer_cycles(packed.plan, Chain.of(packed.config)))
    _tell(file, _Command.ENTRY, 0)


def _tell(file: TextIO, command: _Command, value: int) -> None:
    file.write(f"{command:x} {value:x}\n")


def _lines(config: ArrayConfig, writes: Iterable[Write]) -> Iterator[str]:
    """One write per cycle."""
    offset = {name: field.offset for name, field in write_bus_layout(config)}
    space, row, address = offset["space"], offset["row"], offset["address"]
    for write in writes:
        value = write.space << space | write.row << row | write.address << address | write.data
        yield f"{_Command.WRITE:x} {value:x}\n"


def read_answers(lines: Iterator[str], packed: PackedLayer, batches: int) -> tuple[list[NDArray[np.uint16]], list[int]]:
    """Beats (result_beats, requant_lanes) and cycles of each batch of one entry; checks ``last`` and ``busy``."""
    answers = [_read_start(lines, packed) for _ in range(batches)]
    return [beats for beats, _ in answers], [cycles for _, cycles in answers]


def _read_start(lines: Iterator[str], packed: PackedLayer) -> tuple[NDArray[np.uint16], int]:
    payloads = []
    for line in lines:
        if line.startswith("done"):
            break
        payloads.append(int(line, 16))
    count = packed.result_beats
    assert len(payloads) == count, f"last came with beat {len(payloads)} of {count}"
    _, cycles, busy = line.split()
    assert busy == "0", "busy after the last result"
    return _beats(payloads, packed.config), int(cycles, 16)


def _beats(payloads: list[int], config: ArrayConfig) -> NDArray[np.uint16]:
    width, lanes = config.act_bits, config.requant_lanes
    mask = (1 << width) - 1
    return np.array([[payload >> (width * lane) & mask for lane in range(lanes)] for payload in payloads], np.uint16)
