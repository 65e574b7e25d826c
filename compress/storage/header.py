"""The header of a packed file: one record a layer, from which a reader knows how many bits the payload has where.

Numbers are LEB128 varints. A record is: length of the name, name (UTF-8), K, C, R, S, number of nonzeros, bits of a
weight (1 byte), and one byte of 32 x index format + its parameter; ``Dense``, the format 0, has no parameter, and
1 + n there is ``LiveChannels`` with the n-th of its ``INNER_FORMATS``. A quantized layer's interval follows
(8 bytes, float64); a clustered layer has 128 more in that byte, and its number of centroids follows.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from compress.model.layer import MAX_WEIGHT_BITS
from compress.storage.codes import Bitmap, Dense, Fixed, IndexFormat, Rice
from compress.storage.live_channels import INNER_FORMATS, LiveChannels
from compress.storage.values import MAX_CENTROIDS

__all__ = ["HeaderReader", "LayerRecord", "varint"]

LARGEST_LAYER = 1 << 32
CLUSTERED = 128
DENSE, BITMAP, FIXED, RICE = range(0, CLUSTERED, 32)


@dataclass(frozen=True)
class LayerRecord:
    """What the payload does not say of a layer.

    Members
    -------
    shape : tuple of int
        K, C / groups, R, S.
    interval : float or None
        None of a clustered layer.
    centroids : int
        0 of a quantized layer.
    """

    name: str
    shape: tuple[int, ...]
    nonzeros: int
    weight_bits: int
    index_format: IndexFormat
    interval: float | None
    centroids: int = 0

    def encode(self) -> bytes:
        """The record's bytes."""
        name = self.name.encode()
        numbers = b"".join(varint(number) for number in (*self.shape, self.nonzeros))
        code = _code(self.index_format)
        if self.interval is None:
            values = struct.pack("<BB", self.weight_bits, CLUSTERED + code) + varint(self.centroids)
        else:
            values = struct.pack("<BBd", self.weight_bits, code, self.interval)
        return varint(len(name)) + name + numbers + values


class HeaderReader:
    """Reads a header from its front; ``place`` is the next byte. IndexError or struct.error where it ends too early."""

    def __init__(self, content: bytes, place: int) -> None:
        self._content = content
        self.place = place

    def varint(self) -> int:
        """The next number."""
        number, shift = 0, 0
        while True:
            byte = self._content[self.place]
            self.place += 1
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number

    def record(self) -> LayerRecord:
        """The next layer's record; ValueError if it is inconsistent."""
        name = self._take(self.varint()).decode()
        *shape, nonzeros = (self.varint() for _ in range(5))
        weight_bits, code = struct.unpack("<BB", self._take(2))
        interval, centroids = None, 0
        if code < CLUSTERED:
            (interval,) = struct.unpack("<d", self._take(8))
            consistent = 1 <= weight_bits <= MAX_WEIGHT_BITS
        else:
            centroids = self.varint()
            consistent = centroids <= MAX_CENTROIDS and weight_bits == max(0, centroids - 1).bit_length()
        if not consistent or not nonzeros <= math.prod(shape) <= LARGEST_LAYER or max(shape) > LARGEST_LAYER:
            raise ValueError("a layer's record is inconsistent")
        index_format = _format(code % CLUSTERED, shape)
        return LayerRecord(name, tuple(shape), nonzeros, weight_bits, index_format, interval, centroids)

    def _take(self, size: int) -> bytes:
        self.place += size
        return self._content[self.place - size : self.place]


def varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; all bytes but the last have their top bit set."""
    groups = [number & 127]
    while number := number >> 7:
        groups.append(number & 127)
    return bytes([group | 128 for group in groups[:-1]] + groups[-1:])


def _code(index_format: IndexFormat) -> int:
    if isinstance(index_format, LiveChannels):
        return DENSE + 1 + INNER_FORMATS.index(index_format.inner)
    if isinstance(index_format, Fixed):
        return FIXED + index_format.gap_bits
    if isinstance(index_format, Rice):
        return RICE + index_format.remainder_bits
    if isinstance(index_format, Bitmap):
        return BITMAP
    assert isinstance(index_format, Dense)
    return DENSE


def _format(code: int, shape: Sequence[int]) -> IndexFormat:
    if DENSE < code < BITMAP:
        return LiveChannels((shape[0], shape[1], math.prod(shape[2:])), INNER_FORMATS[code - DENSE - 1])
    if FIXED <= code < RICE:
        return Fixed(code - FIXED)
    if code >= RICE:
        return Rice(code - RICE)
    return Bitmap() if code >= BITMAP else Dense()
