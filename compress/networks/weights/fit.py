"""Weights of a file in a network: every key and shape compared, every value finite, or nothing is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from compress.base.errors import CodesignError
from compress.networks.weights.file import read_weights
from compress.networks.weights.stored import StoredTensor

__all__ = ["load_weights"]

WRAPPERS = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put before every key."""

FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("uint8", "int8", "int16", "int32", "int64")
BATCH_COUNT = "num_batches_tracked"
NAMED = 3  # keys of each kind in a message


def load_weights(network: nn.Module, path: Path) -> None:
    """Load a file of weights into a network, all of them or none.

    Keys are those of ``network.state_dict()``; a prefix ``module.`` or ``_orig_mod.`` of all keys is dropped, and batch
    norms may lack ``num_batches_tracked``. Numbers become float32: from float16 and bfloat16 exactly, from float64
    rounded to the nearest.

    Parameters
    ----------
    path : Path
        safetensors, a PyTorch state dict or a checkpoint that holds one, or an .npz with an array for each key.

    Raises
    ------
    CodesignError
        What ``read_weights`` raises; keys are missing or unexpected, or shapes or types differ; a value is not finite.
    """
    wanted: dict[str, Tensor] = network.state_dict()
    given = _without_wrappers(read_weights(path), wanted)
    _check_fit(path, given, wanted)
    tensors = {name: _values(path, name, each, wanted[name]) for name, each in given.items()}
    network.load_state_dict(tensors, strict=False)  # only counts of batches can be missing


def _without_wrappers(given: Mapping[str, StoredTensor], wanted: Mapping[str, Tensor]) -> dict[str, StoredTensor]:
    result = dict(given)
    for prefix in WRAPPERS:
        if all(name.startswith(prefix) for name in result) and not any(name.startswith(prefix) for name in wanted):
            result = {name.removeprefix(prefix): each for name, each in result.items()}
    return result


def _check_fit(path: Path, given: Mapping[str, StoredTensor], wanted: Mapping[str, Tensor]) -> None:
    missing = [name for name in wanted if name not in given and name.rpartition(".")[2] != BATCH_COUNT]
    unexpected = [name for name in given if name not in wanted]
    shapes = [
        f"{name} is {each.shape}, the network's {tuple(wanted[name].shape)}"
        for name, each in given.items()
        if name in wanted and each.shape != tuple(wanted[name].shape)
    ]
    told = [
        _counted(missing, "key is missing", "keys are missing"),
        _counted(unexpected, "key is unexpected", "keys are unexpected"),
        _counted(shapes, "tensor has another shape", "tensors have another shape"),
    ]
    if any(told):
        raise CodesignError(
            f"the weights in {path} do not fit the network: {'; '.join(filter(None, told))}",
            "give weights that were saved from this network, or build the network that they were saved from",
        )
    for name, each in given.items():
        _check_kind(path, name, each.kind, wanted[name])


def _counted(items: list[str], one: str, several: str) -> str:
    """Such as "5 keys are missing (a, b, c, ...)"; empty for none."""
    if not items:
        return ""
    listed = ", ".join(_shortened(items[:NAMED]) + ["..."] * (len(items) > NAMED))
    return f"{len(items)} {one if len(items) == 1 else several} ({listed})"


def _shortened(items: Iterable[str]) -> list[str]:
    return [item if len(item) <= 100 else f"{item[:97]}..." for item in items]


def _check_kind(path: Path, name: str, kind: str, wanted: Tensor) -> None:
    allowed = FLOATS if wanted.is_floating_point() else INTEGERS
    if kind not in allowed:
        raise CodesignError(f"{name!r} in {path} is {kind}, not one of {', '.join(allowed)}", "save it as float32")


def _values(path: Path, name: str, given: StoredTensor, wanted: Tensor) -> Tensor:
    try:
        tensor = given.read().to(wanted.dtype)
    except Exception as error:  # of a damaged archive
        raise CodesignError(
            f"cannot read {name!r} in {path}: {type(error).__name__}: {error}", "save the weights again"
        ) from error
    if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
        raise CodesignError(
            f"{name!r} in {path} holds NaN or infinite values, or values too large for float32",
            "give weights of a training that did not diverge",
        )
    return tensor
