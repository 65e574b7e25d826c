"""A whole model in one small file: packed weights with everything else an array needs, biases and scales included.

Layout: magic (4 bytes), length of the description (4, little endian), the description, the packed weights
(``compress.storage.packed_file``, with a checksum of their own). The description is compressed by zlib, which checks it
too: the JSON of a model's file, a zero byte, then the biases of all layers (int32, little endian). A layer of few
different levels is stored by codebook where that takes fewer bits.

Archives of version 2 (``CDA2``) describe graphs, and zlib starts from a dictionary of usual descriptions
(``compress.storage.usual_description``). Those of version 1 (``CDA1``), chains without a dictionary, are only read.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from compress.base.files import write_bytes
from compress.model.chain_description import ChainDescription
from compress.model.compressed_model import CompressedModel
from compress.model.description import ModelDescription
from compress.model.layer import CompressedLayer
from compress.model.layer_description import LayerMembers
from compress.model.model_file import load_model
from compress.storage.packed_file import decode_weights, encode_weights
from compress.storage.sizes import storage_of
from compress.storage.usual_description import USUAL
from compress.storage.values import MAX_CENTROIDS, ClusteredWeights, PackedWeights

__all__ = ["clustered", "decode_model", "encode_model", "read_model", "save_archive"]

MAGIC = b"CDA2"
FORMATS: dict[bytes, tuple[type[ChainDescription | ModelDescription], bytes]] = {
    b"CDA1": (ChainDescription, b""),
    MAGIC: (ModelDescription, USUAL),
}
"""What describes the model, and zlib's dictionary, by magic."""
PREFIX = len(MAGIC) + 4
LARGEST_DESCRIPTION = 1 << 26  # bytes unpacked; biases of 16 million channels


def read_model(path: Path) -> CompressedModel:
    """Read a model from an archive or from a file of ``compress.model.model_file``, whichever it is.

    Raises
    ------
    CodesignError
        The file is missing, truncated, altered, or neither.
    """
    try:
        with path.open("rb") as file:
            is_archive = file.read(len(MAGIC)) in FORMATS
        content = path.read_bytes() if is_archive else b""
    except OSError:
        is_archive = False  # reported by the reader of the other kind
    return decode_model(content, str(path)) if is_archive else load_model(path)


def save_archive(model: CompressedModel, path: Path) -> int:
    """Write a model, whole or not at all; returns the bytes."""
    content = encode_model(model)
    write_bytes(path, content)
    return len(content)


def encode_model(model: CompressedModel) -> bytes:
    """The file's bytes."""
    try:
        text = ModelDescription.of(model).to_json()
    except ValueError as error:
        raise CodesignError(f"the model cannot be written: {error}", "use strings, numbers and lists") from error
    biases = b"".join(layer.bias.astype("<i4").tobytes() for layer in model.layers)
    about = _packed(text.encode() + b"\0" + biases)
    weights, _ = encode_weights(_smaller(layer) for layer in model.layers)
    return MAGIC + struct.pack("<I", len(about)) + about + weights


def decode_model(content: bytes, name: str = "the model") -> CompressedModel:
    """The inverse of ``encode_model``; CodesignError, which calls the file ``name``, for other bytes."""
    try:
        if content[: len(MAGIC)] not in FORMATS:
            raise ValueError("it does not start with its magic")
        describe, dictionary = FORMATS[content[: len(MAGIC)]]
        end = PREFIX + struct.unpack("<I", content[len(MAGIC) : PREFIX])[0]
        text, _, biases = _unpacked(content[PREFIX:end], dictionary).partition(b"\0")
        description = describe.from_json(text.decode())
        weights = decode_weights(content[end:])
        if len(weights) != len(description.layers):
            raise ValueError(f"weights of {len(weights)} layers and descriptions of {len(description.layers)}")
        return description.model(_layers(description.layers, weights, biases))
    except CodesignError as error:
        raise CodesignError(f"{name} is inconsistent: {error.cause}", "write it again") from error
    except (ValueError, IndexError, struct.error, zlib.error) as error:
        raise CodesignError(f"{name} is damaged: {error}", "write it again") from error


def clustered(layer: CompressedLayer) -> ClusteredWeights:
    """A layer of few different levels as a codebook and labels."""
    values = np.unique(layer.levels[layer.levels != 0])
    labels = np.where(layer.levels != 0, np.searchsorted(values, layer.levels) + 1, 0)
    return ClusteredWeights(layer.name, labels.astype(np.int16), (values * layer.interval).astype(np.float32))


def _smaller(layer: CompressedLayer) -> CompressedLayer | ClusteredWeights:
    if len(np.unique(layer.levels)) > MAX_CENTROIDS:
        return layer
    by_codebook = clustered(layer)
    return by_codebook if storage_of(by_codebook).total_bits() < storage_of(layer).total_bits() else layer


def _packed(content: bytes) -> bytes:
    stream = zlib.compressobj(level=9, zdict=USUAL)
    return stream.compress(content) + stream.flush()


def _unpacked(packed: bytes, dictionary: bytes) -> bytes:
    """The whole of what was compressed, and nothing behind it."""
    stream = zlib.decompressobj(zdict=dictionary)
    content = stream.decompress(packed, LARGEST_DESCRIPTION)
    if not stream.eof or stream.unused_data:
        raise ValueError("its description is truncated, or larger than any model's")
    return content


def _layers(
    described: Mapping[str, LayerMembers], weights: tuple[PackedWeights | ClusteredWeights, ...], biases: bytes
) -> list[CompressedLayer]:
    layers, place = [], 0
    for (name, about), packed in zip(described.items(), weights, strict=True):
        if packed.name != name:
            raise ValueError(f"weights of layer {packed.name!r} stand where {name!r} should")
        levels = _levels(about, packed)
        size = 4 * len(levels)
        bias = np.frombuffer(biases[place : place + size].ljust(size, b"\0"), "<i4").astype(np.int32)
        place += size
        layers.append(about.layer(name, levels, bias))
    if place != len(biases):
        raise ValueError(f"{len(biases)} bytes of biases, not {place}")
    return layers


def _levels(about: LayerMembers, packed: PackedWeights | ClusteredWeights) -> NDArray[np.int16]:
    if isinstance(packed, PackedWeights):
        if (packed.weight_bits, packed.interval) != (about.weight_bits, about.interval):
            raise ValueError(f"layer {packed.name!r} has two widths of its levels, or two intervals")
        return packed.levels
    levels = np.rint(packed.weights / about.interval)
    if np.abs(levels).max(initial=0) > np.iinfo(np.int16).max:
        raise ValueError(f"layer {packed.name!r} has weights beyond its levels")
    return np.asarray(levels, np.int16)
