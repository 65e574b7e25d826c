"""The packed export: the weights of a compressed model in one file of as many bits as ``storage`` says.

Layout: magic (4 bytes), CRC-32 of all that follows (4), number of layers, then one record per layer, then all
layers' index bits and level bits without a gap, filled up with zeros to a whole byte. Numbers are LEB128 varints. A
record is: length of the name, name (UTF-8), K, C, R, S, number of nonzeros, weight bits (1 byte), index format
(1 byte: 32 x kind + parameter), interval (8 bytes, float64). A level takes its layer's weight bits: level - 1 when
positive, M/2 - 1 - level when negative.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compress.errors import CodesignError
from compress.files import replacing
from compress.indexformats import Bitmap, Dense, Fixed, IndexFormat, Rice, bits_of, values_of
from compress.layer import MAX_WEIGHT_BITS, CompressedLayer, largest_level
from compress.storage import layer_storage

__all__ = ["PackedWeights", "decode_weights", "encode_weights", "load_packed", "save_packed"]

MAGIC = b"CDP1"
PREFIX = len(MAGIC) + 4
LARGEST_LAYER = 1 << 32
KINDS: tuple[type[Dense] | type[Bitmap] | type[Fixed] | type[Rice], ...] = (Dense, Bitmap, Fixed, Rice)


@dataclass(frozen=True, eq=False)
class PackedWeights:
    """One layer's weights: ``levels`` int16 (K, C / groups, R, S), real weights are ``levels * interval``."""

    name: str
    levels: NDArray[np.int16]
    weight_bits: int
    interval: float


def save_packed(layers: Iterable[CompressedLayer | PackedWeights], path: Path) -> int:
    """Write the layers' weights, each in its best index format; returns the bytes that are no payload."""
    content, header_bytes = encode_weights(layers)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return header_bytes


def load_packed(path: Path) -> tuple[PackedWeights, ...]:
    """Read what ``save_packed`` wrote; CodesignError for a missing, damaged or foreign file."""
    try:
        return decode_weights(path.read_bytes())
    except OSError as error:
        raise CodesignError(f"cannot read {path}: {error.strerror}", "name a packed model") from error
    except (ValueError, IndexError, struct.error) as error:
        raise CodesignError(f"{path} is damaged or no packed model: {error}", "export the model again") from error


def encode_weights(layers: Iterable[CompressedLayer | PackedWeights]) -> tuple[bytes, int]:
    """The file's bytes, and how many of them come before the payload."""
    records, streams = [], []
    for layer in layers:
        index_format = layer_storage(layer.name, layer.levels, layer.weight_bits).best_format
        positions = np.flatnonzero(layer.levels)
        records.append(_record(layer, index_format, len(positions)))
        streams.append(index_format.encode(positions, layer.levels.size))
        streams.append(bits_of(_codes(layer.levels.reshape(-1)[positions], layer.weight_bits), layer.weight_bits))
    payload = np.packbits(np.concatenate([np.zeros(0, np.uint8), *streams])).tobytes()
    header = _varint(len(records)) + b"".join(records)
    checksum = struct.pack("<I", zlib.crc32(header + payload))
    return MAGIC + checksum + header + payload, PREFIX + len(header)


def decode_weights(content: bytes) -> tuple[PackedWeights, ...]:
    """The inverse of ``encode_weights``; ValueError, IndexError or struct.error for other bytes."""
    if content[: len(MAGIC)] != MAGIC:
        raise ValueError("it does not start with its magic")
    if struct.unpack("<I", content[len(MAGIC) : PREFIX])[0] != zlib.crc32(content[PREFIX:]):
        raise ValueError("its checksum differs")
    reader = _Reader(content, PREFIX)
    records = [reader.record() for _ in range(reader.varint())]
    stream = np.unpackbits(np.frombuffer(content, np.uint8, offset=reader.place))
    layers, place = [], 0
    for record in records:
        weights, used = record.decode(stream[place:])
        layers.append(weights)
        place += used
    if len(stream) - place >= 8 or stream[place:].any():
        raise ValueError("bytes are left over")
    return tuple(layers)


def _record(layer: CompressedLayer | PackedWeights, index_format: IndexFormat, nonzeros: int) -> bytes:
    name = layer.name.encode()
    numbers = b"".join(_varint(number) for number in (*layer.levels.shape, nonzeros))
    kind = KINDS.index(type(index_format))
    code = 32 * kind + _parameter(index_format)
    return _varint(len(name)) + name + numbers + struct.pack("<BBd", layer.weight_bits, code, layer.interval)


def _parameter(index_format: IndexFormat) -> int:
    if isinstance(index_format, Fixed):
        return index_format.gap_bits
    return index_format.remainder_bits if isinstance(index_format, Rice) else 0


def _format(code: int) -> IndexFormat:
    kind = KINDS[code // 32]
    return kind(code % 32) if kind in (Fixed, Rice) else kind()  # type: ignore[call-arg]


def _codes(levels: NDArray[np.int16], weight_bits: int) -> NDArray[np.int64]:
    wide = levels.astype(np.int64)
    return np.where(wide > 0, wide - 1, largest_level(weight_bits) - 1 - wide)


def _levels(codes: NDArray[np.int64], weight_bits: int) -> NDArray[np.int16]:
    half = largest_level(weight_bits)
    return np.where(codes < half, codes + 1, half - 1 - codes).astype(np.int16)


def _varint(number: int) -> bytes:
    groups = [number & 127]
    while number := number >> 7:
        groups.append(number & 127)
    return bytes([group | 128 for group in groups[:-1]] + groups[-1:])


@dataclass(frozen=True)
class _Record:
    name: str
    shape: tuple[int, ...]
    nonzeros: int
    weight_bits: int
    index_format: IndexFormat
    interval: float

    def decode(self, stream: NDArray[np.uint8]) -> tuple[PackedWeights, int]:
        size = math.prod(self.shape)
        positions, used = self.index_format.decode(stream, self.nonzeros, size)
        end = used + self.nonzeros * self.weight_bits
        if end > len(stream):
            raise ValueError("it ends within a layer")
        levels = np.zeros(size, np.int16)
        levels[positions] = _levels(values_of(stream[used:end], self.weight_bits), self.weight_bits)
        return PackedWeights(self.name, levels.reshape(self.shape), self.weight_bits, self.interval), end


class _Reader:
    """Reads the header from its front."""

    def __init__(self, content: bytes, place: int) -> None:
        self._content = content
        self.place = place

    def varint(self) -> int:
        number, shift = 0, 0
        while True:
            byte = self._content[self.place]
            self.place += 1
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number

    def record(self) -> _Record:
        name = self._take(self.varint()).decode()
        *shape, nonzeros = (self.varint() for _ in range(5))
        weight_bits, code, interval = struct.unpack("<BBd", self._take(10))
        if not 1 <= weight_bits <= MAX_WEIGHT_BITS or not nonzeros <= math.prod(shape) <= LARGEST_LAYER:
            raise ValueError("a layer's record is inconsistent")
        return _Record(name, tuple(shape), nonzeros, weight_bits, _format(code), interval)

    def _take(self, size: int) -> bytes:
        self.place += size
        return self._content[self.place - size : self.place]
