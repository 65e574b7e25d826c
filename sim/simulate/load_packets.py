"""Writes to the array -> the packet of 32-bit beats that carries them over AXI4-Stream."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from rtl.axi.packets import STREAM_BITS, beats_of_word, header
from rtl.axi.sender import result_bytes
from rtl.config import ArrayConfig
from sim.mapping.pack import Write

__all__ = ["beats_of_bytes", "load_packet"]


def load_packet(config: ArrayConfig, writes: Iterable[Write]) -> NDArray[np.uint32]:
    """One packet for all ``writes``, in their order; neighbouring addresses of one bank share a header."""
    beats: list[int] = []
    for segment in _segments(writes):
        first = segment[0]
        beats += header(first.space, first.row, first.address, len(segment))
        places = range(beats_of_word(config, first.space))
        mask = (1 << STREAM_BITS) - 1
        beats += [write.data >> (STREAM_BITS * place) & mask for write in segment for place in places]
    return np.array(beats, np.uint32)


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


def beats_of_bytes(config: ArrayConfig, content: bytes) -> NDArray[np.uint16]:
    """The bytes of a packet of results as (beats, requant_lanes), for ``PackedLayer.unpack_results``."""
    beats = np.frombuffer(content, np.uint8).reshape(-1, result_bytes(config))
    return beats[:, : config.requant_lanes].astype(np.uint16)
