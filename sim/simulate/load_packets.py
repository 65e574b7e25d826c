"""Writes to the array -> the packet that carries them over AXI4-Stream."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from rtl.array.write_bus import Space
from rtl.axi.packets import HEADER_BITS, header, header_beats, word_bits
from rtl.axi.sender import result_bytes
from rtl.config import ArrayConfig
from sim.mapping.pack import Write

__all__ = ["START", "beats_of_bytes", "load_packet"]

START = Write(Space.COMMAND, 0, 0, 1)
"""What starts a layer from a packet, behind the writes that load it."""


def load_packet(config: ArrayConfig, writes: Iterable[Write]) -> NDArray[np.uint8]:
    """One packet for all ``writes``, in their order: (beats, bytes of a beat), lowest byte first.

    Neighbouring addresses of one bank share a header, and their words follow each other bit by bit.
    """
    parts = [part for segment in _segments(writes) for part in (_header(config, segment), _words(config, segment))]
    return np.concatenate(parts) if parts else np.zeros((0, config.stream_bits // 8), np.uint8)


def _segments(writes: Iterable[Write]) -> list[list[Write]]:
    segments: list[list[Write]] = []
    for write in writes:
        if segments:
            before = segments[-1][-1]
            if before[:2] == write[:2] and before.address + 1 == write.address:
                segments[-1].append(write)
                continue
        segments.append([write])
    return segments


def _header(config: ArrayConfig, segment: Sequence[Write]) -> NDArray[np.uint8]:
    first = segment[0]
    value = header(first.space, first.row, first.address, len(segment))
    beats = np.zeros(header_beats(config) * config.stream_bits // 8, np.uint8)
    beats[: HEADER_BITS // 8] = np.frombuffer(value.to_bytes(HEADER_BITS // 8, "little"), np.uint8)
    return beats.reshape(-1, config.stream_bits // 8)


def _words(config: ArrayConfig, segment: Sequence[Write]) -> NDArray[np.uint8]:
    """Bits beyond a word's width are left out, and zeros fill the last beat."""
    width = word_bits(config, segment[0].space)
    size, mask = -(-width // 8), (1 << width) - 1
    content = b"".join((write.data & mask).to_bytes(size, "little") for write in segment)
    bits = np.unpackbits(np.frombuffer(content, np.uint8).reshape(-1, size), axis=1, bitorder="little")[:, :width]
    packed = np.packbits(bits.reshape(-1), bitorder="little")
    beat_bytes = config.stream_bits // 8
    return np.pad(packed, (0, -len(packed) % beat_bytes)).reshape(-1, beat_bytes)


def beats_of_bytes(config: ArrayConfig, content: bytes) -> NDArray[np.uint16]:
    """The bytes of a packet of results as (beats, requant_lanes), for ``PackedLayer.unpack_results``."""
    beats = np.frombuffer(content, np.uint8).reshape(-1, result_bytes(config))
    return beats[:, : config.requant_lanes].astype(np.uint16)
