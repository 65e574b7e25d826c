"""The packed export: the weights of a compressed model in one file of as many bits as ``storage`` says.

Layout: magic (4 bytes), CRC-32 of all that follows (4), number of layers, one record per layer (``header``), then
the payload: for each layer, without gaps, the index bits, the codes of the nonzero weights, and a clustered layer's
centroids (float32, little endian); padded with zeros to a whole byte. A code takes its layer's weight bits: of a
level it is level - 1 when positive and M/2 - 1 - level when negative, of a label it is label - 1.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from compress.base.files import write_bytes
from compress.model.layer import CompressedLayer, largest_level
from compress.storage.codes import bits_of, values_of
from compress.storage.header import HeaderReader, LayerRecord, varint
from compress.storage.sizes import CENTROID_BITS, storage_of
from compress.storage.values import ClusteredWeights, PackedWeights

__all__ = ["decode_weights", "encode_weights", "load_packed", "save_packed"]

MAGIC = b"CDP1"
PREFIX = len(MAGIC) + 4

Bits = NDArray[np.uint8]
Codes = NDArray[np.int64]


def save_packed(layers: Iterable[CompressedLayer | PackedWeights | ClusteredWeights], path: Path) -> int:
    """Write the layers' weights, each in its best index format; returns the number of bytes that are not payload."""
    content, header_bytes = encode_weights(layers)
    write_bytes(path, content)
    return header_bytes


def load_packed(path: Path) -> tuple[PackedWeights | ClusteredWeights, ...]:
    """Read what ``save_packed`` wrote; CodesignError for a missing, damaged or foreign file."""
    try:
        return decode_weights(path.read_bytes())
    except OSError as error:
        raise CodesignError(f"cannot read {path}: {error.strerror}", "name a packed model") from error
    except (ValueError, IndexError, struct.error, CodesignError) as error:
        cause = error.cause if isinstance(error, CodesignError) else error
        raise CodesignError(f"{path} is damaged or not a packed model: {cause}", "export the model again") from error


def encode_weights(layers: Iterable[CompressedLayer | PackedWeights | ClusteredWeights]) -> tuple[bytes, int]:
    """The file's bytes, and how many of them come before the payload."""
    encoded = [_encode(layer) for layer in layers]
    payload = np.packbits(np.concatenate([np.zeros(0, np.uint8), *(bits for _, bits in encoded)])).tobytes()
    header = varint(len(encoded)) + b"".join(record.encode() for record, _ in encoded)
    checksum = struct.pack("<I", zlib.crc32(header + payload))
    return MAGIC + checksum + header + payload, PREFIX + len(header)


def decode_weights(content: bytes) -> tuple[PackedWeights | ClusteredWeights, ...]:
    """The inverse of ``encode_weights``; ValueError, IndexError, struct.error or CodesignError for other bytes."""
    if content[: len(MAGIC)] != MAGIC:
        raise ValueError("it does not start with its magic")
    if struct.unpack("<I", content[len(MAGIC) : PREFIX])[0] != zlib.crc32(content[PREFIX:]):
        raise ValueError("its checksum differs")
    reader = HeaderReader(content, PREFIX)
    records = reader.records()
    stream = np.unpackbits(np.frombuffer(content, np.uint8, offset=reader.place))
    layers, place = [], 0
    for record in records:
        weights, used = _decode(record, stream[place:])
        layers.append(weights)
        place += used
    if len(stream) - place >= 8 or stream[place:].any():
        raise ValueError("bytes are left over")
    return tuple(layers)


def _encode(layer: CompressedLayer | PackedWeights | ClusteredWeights) -> tuple[LayerRecord, Bits]:
    index_format, bits = storage_of(layer).best_format, layer.weight_bits
    if isinstance(layer, ClusteredWeights):
        symbols, interval, centroids = layer.labels, None, layer.centroids
    else:
        symbols, interval, centroids = layer.levels, layer.interval, np.zeros(0, np.float32)
    positions = np.flatnonzero(symbols)
    kept = symbols.reshape(-1)[positions].astype(np.int64)
    codes = kept - 1 if interval is None else _codes_of_levels(kept, bits)
    record = LayerRecord(layer.name, symbols.shape, len(positions), bits, index_format, interval, len(centroids))
    codebook = np.unpackbits(np.frombuffer(centroids.astype("<f4").tobytes(), np.uint8))
    return record, np.concatenate([index_format.encode(positions, symbols.size), bits_of(codes, bits), codebook])


def _decode(record: LayerRecord, stream: Bits) -> tuple[PackedWeights | ClusteredWeights, int]:
    """The layer at the front of a payload, and how many bits it took."""
    size = record.weights
    if record.nonzeros * record.weight_bits > len(stream):  # before a damaged count can allocate
        raise ValueError("it ends within a layer")
    positions, used = record.index_format.decode(stream, record.nonzeros, size)
    codes_end = used + record.nonzeros * record.weight_bits
    end = codes_end + record.centroids * CENTROID_BITS
    if end > len(stream):
        raise ValueError("it ends within a layer")
    codes = values_of(stream[used:codes_end], record.weight_bits) if record.weight_bits else 0
    symbols = np.zeros(size, np.int16)
    if record.interval is not None:
        symbols[positions] = _levels_of_codes(np.asarray(codes), record.weight_bits)
        return PackedWeights(record.name, symbols.reshape(record.shape), record.weight_bits, record.interval), end
    if record.nonzeros and np.max(codes) >= record.centroids:
        raise ValueError("a label has no centroid")
    symbols[positions] = codes + 1
    centroids = np.frombuffer(np.packbits(stream[codes_end:end]).tobytes(), "<f4").astype(np.float32)
    if not np.isfinite(centroids).all():
        raise ValueError("a centroid is not finite")
    return ClusteredWeights(record.name, symbols.reshape(record.shape), centroids), end


def _codes_of_levels(levels: Codes, weight_bits: int) -> Codes:
    return np.where(levels > 0, levels - 1, largest_level(weight_bits) - 1 - levels)


def _levels_of_codes(codes: Codes, weight_bits: int) -> Codes:
    half = largest_level(weight_bits)
    return np.where(codes < half, codes + 1, half - 1 - codes)
