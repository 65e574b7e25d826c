"""The header of a packed file: one record per layer, from which a reader knows where each part of the payload lies.

Numbers are LEB128 varints. A record is: length of the name, name (UTF-8), K, C, R, S, number of nonzeros, bits of a
weight (1 byte), and one byte of 32 x index format + its parameter; ``Dense``, the format 0, has no parameter, and
1 + n there is ``LiveChannels`` with the n-th of its ``INNER_FORMATS``. A quantized layer's interval follows
(8 bytes, float64); a clustered layer has 128 more in that byte, and its number of centroids follows.

A layer has at most 2^28 weights, and 2^24 nonzeros if all are one centroid; all layers together have at most 2^30.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from compress.base.errors import CodesignError
from compress.model.layer import MAX_WEIGHT_BITS
from compress.storage.codes import Bitmap, Dense, Fixed, IndexFormat, Rice
from compress.storage.live_channels import INNER_FORMATS, LiveChannels
from compress.storage.values import MAX_CENTROIDS

__all__ = ["HeaderReader", "LayerRecord", "varint"]

LARGEST_LAYER = 1 << 28  # weights; what a file may make its reader allocate. VGG-16's largest layer has 2^26.6
LARGEST_MODEL = 1 << 30
LARGEST_FREE = 1 << 24  # nonzeros that take no bits, those of a single centroid: a file may name any number of them
VARINT_BYTES = 10
CLUSTERED = 128
DENSE, BITMAP, FIXED, RICE = range(0, CLUSTERED, 32)


@dataclass(frozen=True)
class LayerRecord:
    """What a reader needs to know of a layer besides its payload. CodesignError for one that no file can hold.

    Members
    -------
    shape : tuple of int
        K, C / groups, R, S.
    interval : float or None
        None for a clustered layer.
    centroids : int
        0 for a quantized layer.
    """

    name: str
    shape: tuple[int, ...]
    nonzeros: int
    weight_bits: int
    index_format: IndexFormat
    interval: float | None
    centroids: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.nonzeros <= self.weights <= LARGEST_LAYER or min(self.shape) < 1:
            self._fail(f"{self.nonzeros} nonzeros in a shape {self.shape}")
        if self.weight_bits == 0 and self.nonzeros > LARGEST_FREE:
            self._fail(f"{self.nonzeros} weights of one centroid, more than {LARGEST_FREE}")
        if self.interval is not None and not (
            1 <= self.weight_bits <= MAX_WEIGHT_BITS and 0 < self.interval < math.inf
        ):
            self._fail(f"levels of {self.weight_bits} bits in intervals of {self.interval}")
        if self.interval is None and not self._labels_fit():
            self._fail(f"labels of {self.weight_bits} bits for {self.centroids} centroids")

    def _labels_fit(self) -> bool:
        return self.centroids <= MAX_CENTROIDS and self.weight_bits == max(0, self.centroids - 1).bit_length()

    def _fail(self, cause: str) -> NoReturn:
        raise CodesignError(f"layer {self.name!r} has {cause}", "a packed file holds layers of up to 2^28 weights")

    @property
    def weights(self) -> int:
        """Before pruning."""
        return math.prod(self.shape)

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
        number = 0
        for shift in range(0, 7 * VARINT_BYTES, 7):
            byte = self._content[self.place]
            self.place += 1
            number |= (byte & 127) << shift
            if byte < 128:
                return number
        raise ValueError("a number does not end")

    def records(self) -> list[LayerRecord]:
        """All records; ValueError or CodesignError if one is inconsistent, or all have too many weights together."""
        records, weights = [], 0
        for _ in range(self.varint()):
            records.append(self._record())
            weights += records[-1].weights
            if weights > LARGEST_MODEL:
                raise ValueError(f"it has more than {LARGEST_MODEL} weights")
        return records

    def _record(self) -> LayerRecord:
        name = self._take(self.varint()).decode()
        *shape, nonzeros = (self.varint() for _ in range(5))
        weight_bits, code = struct.unpack("<BB", self._take(2))
        interval, centroids = None, 0
        if code < CLUSTERED:
            (interval,) = struct.unpack("<d", self._take(8))
        else:
            centroids = self.varint()
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
