"""The compressed model's file: safetensors with JSON metadata, checked in every byte."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors import numpy as safetensors_numpy

from compress.base.errors import CodesignError
from compress.base.files import write_bytes
from compress.base.tensor_file import split_file, with_sorted_header
from compress.model.chain_description import ChainDescription
from compress.model.compressed_model import CompressedModel
from compress.model.description import ModelDescription
from compress.model.layer import CompressedLayer
from compress.model.layer_description import LayerMembers

__all__ = ["FORMAT", "SCHEMA", "load_model", "model_content", "model_of_content", "save_model"]

FORMAT = "codesign-compressed-model"
SCHEMA = 2
DESCRIPTIONS: dict[str, type[ChainDescription | ModelDescription]] = {"1": ChainDescription, "2": ModelDescription}
"""By the schema version that a file states; version 1 is read only."""
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
    write_bytes(path, model_content(model))


def model_content(model: CompressedModel) -> bytes:
    """The bytes of ``save_model``'s file; CodesignError if the provenance is not JSON."""
    return _seal(_serialize(model))


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
    return model_of_content(content, str(path))


def model_of_content(content: bytes, path: str) -> CompressedModel:
    """``load_model`` of a file's bytes; ``path`` is what errors call them."""
    metadata = _checked_metadata(path, content)
    try:
        tensors = safetensors_numpy.load(content)
        description = DESCRIPTIONS[metadata["schema"]].from_json(metadata.get("model", ""))
        layers = [_with_arrays(name, about, tensors) for name, about in description.layers.items()]
        if tensors:
            raise ValueError(f"unused arrays {', '.join(tensors)}")
        return description.model(layers)
    except CodesignError as error:
        raise CodesignError(f"the model {path} is inconsistent: {error.cause}", WRITE_AGAIN) from error
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        raise CodesignError(f"the model {path} is incomplete or altered: {error}", WRITE_AGAIN) from error


def _serialize(model: CompressedModel) -> bytes:
    arrays = {f"{layer.name}.{name}": getattr(layer, name) for layer in model.layers for name in ARRAYS}
    try:
        text = ModelDescription.of(model).to_json()
    except ValueError as error:
        raise CodesignError(f"the model cannot be written: {error}", "use strings, numbers and lists") from error
    metadata = {"format": FORMAT, "model": text, "schema": str(SCHEMA), "checksum": NO_CHECKSUM}
    return with_sorted_header(safetensors_numpy.save(arrays, metadata))


def _is_checksum(text: object) -> TypeGuard[str]:
    return isinstance(text, str) and re.fullmatch("[0-9a-f]{64}", text) is not None


def _digest(content: bytes, checksum: str) -> str:
    return hashlib.sha256(content.replace(checksum.encode(), NO_CHECKSUM.encode(), 1)).hexdigest()


def _seal(content: bytes) -> bytes:
    """Put the checksum of the unsealed ``content`` in its place."""
    return content.replace(NO_CHECKSUM.encode(), _digest(content, NO_CHECKSUM).encode(), 1)


def _checked_metadata(path: str, content: bytes) -> dict[str, str]:
    try:
        metadata = split_file(content)[0].get("__metadata__")
    except (ValueError, RecursionError) as error:  # also for bytes that are not UTF-8 or not JSON
        raise CodesignError(f"{path} is truncated, altered or not a compressed model", WRITE_AGAIN) from error
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise CodesignError(f"{path} is not a compressed model of this toolkit", "name a file of `codesign compress`")
    checksum = metadata.get("checksum")
    if not _is_checksum(checksum) or _digest(content, checksum) != checksum:
        raise CodesignError(f"{path} was altered or truncated: its checksum differs", WRITE_AGAIN)
    if metadata.get("schema") not in DESCRIPTIONS:
        raise CodesignError(
            f"{path} has schema version {metadata.get('schema')}, this toolkit reads {' and '.join(DESCRIPTIONS)}",
            "write the model again with this version, or use the version that wrote it",
        )
    return metadata


def _with_arrays(name: str, about: LayerMembers, tensors: dict[str, NDArray[Any]]) -> CompressedLayer:
    """The layer with its arrays, taken out of ``tensors``."""
    missing = [array for array in ARRAYS if f"{name}.{array}" not in tensors]
    if missing:
        raise ValueError(f"layer {name!r}: there is no array {name}.{missing[0]}")
    levels, bias = (np.array(tensors.pop(f"{name}.{array}")) for array in ARRAYS)
    return about.layer(name, levels, bias)
