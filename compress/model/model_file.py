"""The compressed model's file: safetensors with JSON metadata, checked in every byte."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors import numpy as safetensors_numpy

from compress.base.errors import CodesignError
from compress.base.files import write_bytes
from compress.model.compressed_model import CompressedModel
from compress.model.layer import CompressedLayer, LayerKind, Pool, PoolKind, Requantization

__all__ = ["FORMAT", "SCHEMA", "load_model", "save_model"]

FORMAT = "codesign-compressed-model"
SCHEMA = 1
WRITE_AGAIN = "write the model again with `codesign compress`"
NO_CHECKSUM = "0" * 64
ARRAYS = ("levels", "bias")


def save_model(model: CompressedModel, path: Path) -> None:
    """Write a model: ``<layer>.levels`` (int16) and ``<layer>.bias`` (int32), everything else as JSON metadata.

    The metadata's ``checksum`` is the SHA-256 of the whole file with the checksum's own digits replaced by zeros.
    One model gives one sequence of bytes. The file appears whole or not at all.

    Raises
    ------
    CodesignError
        The file cannot be written, or the provenance is not JSON.
    """
    content = _seal(_serialize(model))
    write_bytes(path, content)


def load_model(path: Path) -> CompressedModel:
    """Read a model and check format, schema version, checksum, every shape and every range.

    Raises
    ------
    CodesignError
        The file is missing, truncated, altered, of another program or of another version.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CodesignError(
            f"cannot read the model {path}: {error.strerror}", "name a file of `codesign compress`"
        ) from error
    metadata = _checked_metadata(path, content)
    try:
        tensors = safetensors_numpy.load(content)
        description = json.loads(metadata["model"])
        layers = tuple(_layer_from(members, tensors) for members in description["layers"])
        if tensors:
            raise ValueError(f"unused arrays {', '.join(tensors)}")
        return CompressedModel(layers, description["provenance"])
    except CodesignError as error:
        raise CodesignError(f"the model {path} is inconsistent: {error.cause}", WRITE_AGAIN) from error
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        raise CodesignError(f"the model {path} is incomplete: {error!r}", WRITE_AGAIN) from error


def _serialize(model: CompressedModel) -> bytes:
    arrays = {f"{layer.name}.{name}": getattr(layer, name) for layer in model.layers for name in ARRAYS}
    description = {"layers": [_members(layer) for layer in model.layers], "provenance": model.provenance}
    try:
        text = json.dumps(description, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise CodesignError(f"the model's provenance is not JSON: {error}", "use strings, numbers and lists") from error
    metadata = {"format": FORMAT, "model": text, "schema": str(SCHEMA), "checksum": NO_CHECKSUM}
    return _with_sorted_header(safetensors_numpy.save(arrays, metadata))


def _with_sorted_header(content: bytes) -> bytes:
    """The same file with a sorted header: safetensors orders the metadata differently in each process."""
    header, data = _split_file(content)
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def _split_file(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and data of a safetensors file; ValueError if it is none."""
    if len(content) < 8:
        raise ValueError("too short")
    (size,) = struct.unpack("<Q", content[:8])
    if size > len(content) - 8:
        raise ValueError("header exceeds the file")
    header = json.loads(content[8 : 8 + size])
    if not isinstance(header, dict):
        raise ValueError("header is not a table")
    return header, content[8 + size :]


def _digest(content: bytes, checksum: str) -> str:
    return hashlib.sha256(content.replace(checksum.encode(), NO_CHECKSUM.encode(), 1)).hexdigest()


def _seal(content: bytes) -> bytes:
    """Put the checksum of the unsealed ``content`` in its place."""
    return content.replace(NO_CHECKSUM.encode(), _digest(content, NO_CHECKSUM).encode(), 1)


def _checked_metadata(path: Path, content: bytes) -> dict[str, str]:
    try:
        metadata = _split_file(content)[0].get("__metadata__")
    except (ValueError, RecursionError) as error:  # also of bytes that are no UTF-8 or no JSON
        raise CodesignError(f"{path} is truncated, altered or no compressed model", WRITE_AGAIN) from error
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise CodesignError(f"{path} is not a compressed model of this toolkit", "name a file of `codesign compress`")
    checksum = metadata.get("checksum")
    if not isinstance(checksum, str) or len(checksum) != 64 or _digest(content, checksum) != checksum:
        raise CodesignError(f"{path} was altered or truncated: its checksum differs", WRITE_AGAIN)
    if metadata.get("schema") != str(SCHEMA):
        raise CodesignError(
            f"{path} has schema version {metadata.get('schema')}, this toolkit reads {SCHEMA}",
            "write the model again with this version, or use the version that wrote it",
        )
    return metadata


def _members(layer: CompressedLayer) -> dict[str, Any]:
    """A layer's JSON-safe members: all but its arrays."""
    pool = None
    if layer.pool is not None:
        pool = {**asdict(layer.pool), "kind": layer.pool.kind.value}
    return {
        "name": layer.name,
        "kind": layer.kind.value,
        "weight_bits": layer.weight_bits,
        "interval": layer.interval,
        "input_shape": layer.input_shape,
        "requantization": asdict(layer.requantization),
        "input_scale": layer.input_scale,
        "output_scale": layer.output_scale,
        "act_bits": layer.act_bits,
        "stride": layer.stride,
        "padding": layer.padding,
        "groups": layer.groups,
        "relu": layer.relu,
        "pool": pool,
    }


def _layer_from(members: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> CompressedLayer:
    pool = members["pool"]
    return CompressedLayer(
        **{
            **members,
            **{name: np.array(tensors.pop(f"{members['name']}.{name}")) for name in ARRAYS},
            "kind": LayerKind(members["kind"]),
            "input_shape": tuple(members["input_shape"]),
            "requantization": Requantization(**members["requantization"]),
            "stride": tuple(members["stride"]),
            "padding": tuple(members["padding"]),
            "pool": pool and Pool(PoolKind(pool["kind"]), tuple(pool["kernel"]), tuple(pool["stride"])),
        }
    )
