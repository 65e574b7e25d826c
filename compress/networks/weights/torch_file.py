"""PyTorch's .pt files, read as tensors alone: nothing in them is run."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZIP_STORED, BadZipFile, ZipFile, is_zipfile

import torch
from torch import Tensor, nn

from compress.base.errors import CodesignError
from compress.networks.weights.stored import StoredTensor, stored

__all__ = ["read_torch_file"]

CHECKPOINT_KEYS = ("state_dict", "model", "model_state_dict", "net", "network", "weights")
"""Where training scripts keep the state dict of a checkpoint."""

SAVE_STATE_DICT = "save the state dict alone: torch.save(network.state_dict(), file)"


def read_torch_file(path: Path) -> dict[str, StoredTensor]:
    """The tensors of a state dict, or of the one state dict in a checkpoint.

    Raises
    ------
    CodesignError
        The file holds other objects than tensors and containers of them, no state dict, or several.
    Exception
        Whatever torch raises on a damaged file.
    """
    records = _records(path) if is_zipfile(path) else None
    found = _state_dict(path, _loaded(path))
    for name, tensor in found.items():
        if type(tensor) not in (Tensor, nn.Parameter) or tensor.layout is not torch.strided or tensor.is_quantized:
            raise CodesignError(
                f"{name!r} in {path} is not stored as a plain tensor", "save a dense torch.Tensor under each key"
            )
        if tensor.is_meta:
            raise CodesignError(f"{name!r} in {path} has no values: it was on the meta device", SAVE_STATE_DICT)
        if records is not None and tensor.untyped_storage().nbytes() not in records:
            raise CodesignError(f"{name!r} in {path} is larger than what the file holds of it", SAVE_STATE_DICT)
    return {name: stored(tensor.detach()) for name, tensor in found.items()}


def _records(path: Path) -> set[int]:
    """Sizes of the archive's parts, after comparing their checksums, which torch does not compare."""
    with ZipFile(path) as archive:
        if any(member.compress_type != ZIP_STORED for member in archive.infolist()):
            raise BadZipFile("its parts are compressed, which torch does not do")
        if (damaged := archive.testzip()) is not None:
            raise BadZipFile(f"the checksum of {damaged} is wrong")
        return {member.file_size for member in archive.infolist()}


def _loaded(path: Path) -> object:
    try:
        with warnings.catch_warnings(action="ignore"):
            # mapped into memory, since torch copies as many bytes as the pickle asks for, also past a record's end
            loaded: object = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zipfile(path))
    except pickle.UnpicklingError as error:
        refused = re.search(r"GLOBAL ([\w.]+)|Unsupported operand|Unsupported class ([\w.]+)", str(error))
        if refused is None:
            raise
        name = refused[1] or refused[2] or "instructions other than those of a state dict"
        raise CodesignError(
            f"{path} holds other objects than tensors ({name}), which could run any code when loaded", SAVE_STATE_DICT
        ) from error
    return loaded


def _state_dict(path: Path, loaded: object) -> Mapping[str, Tensor]:
    if _is_state_dict(loaded):
        return loaded  # type: ignore[return-value]
    if not isinstance(loaded, Mapping):
        raise CodesignError(f"{path} holds a {type(loaded).__name__}, not a state dict", SAVE_STATE_DICT)
    inner = {key: loaded[key] for key in CHECKPOINT_KEYS if _is_state_dict(loaded.get(key))}
    if len(inner) == 1:
        return next(iter(inner.values()))
    keys = ", ".join(map(str, list(loaded)[:5]))
    cause = f"several state dicts: {', '.join(inner)}" if inner else f"no state dict; it has the keys: {keys}"
    raise CodesignError(f"{path} holds {cause}", SAVE_STATE_DICT)


def _is_state_dict(value: object) -> bool:
    if not isinstance(value, Mapping) or not value:
        return False
    return all(isinstance(key, str) and isinstance(tensor, Tensor) for key, tensor in value.items())
