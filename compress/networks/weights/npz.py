"""NumPy's .npz archives, read without trust: no objects, and no more bytes than the headers promise."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO
from zipfile import ZipFile

import numpy as np
import torch
from numpy.lib import format as npy
from torch import Tensor

from compress.base.errors import CodesignError
from compress.networks.weights.stored import StoredTensor

__all__ = ["read_npz"]

SUFFIX = ".npy"
MAX_HEADER_BYTES = 10_000
"""What NumPy itself trusts its parser with."""


def read_npz(path: Path) -> dict[str, StoredTensor]:
    """The arrays of an archive by name, their headers read and checked.

    Values are unpacked one array at a time, when asked for: an archive of a few bytes may promise terabytes.

    Raises
    ------
    CodesignError
        An array holds Python objects, or other numbers than torch has.
    Exception
        Whatever zipfile and NumPy raise on a damaged archive.
    """
    with ZipFile(path) as archive:
        arrays = [name for name in archive.namelist() if name.endswith(SUFFIX)]
        return {name.removesuffix(SUFFIX): _stored(path, archive, name) for name in arrays}


def _stored(path: Path, archive: ZipFile, member: str) -> StoredTensor:
    with archive.open(member) as file:
        shape, _, dtype = _header(file)
        promised, held = file.tell() + math.prod(shape) * dtype.itemsize, archive.getinfo(member).file_size
    if dtype.hasobject:
        raise CodesignError(
            f"{member.removesuffix(SUFFIX)!r} in {path} holds Python objects, which could run any code when loaded",
            "save arrays of numbers: numpy.savez(file, **{name: tensor.numpy() for ...})",
        )
    if promised != held:
        raise ValueError(f"{member} has {held} bytes, its header promises {promised}")
    return StoredTensor(shape, dtype.newbyteorder("=").name, partial(_values, path, member))


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Shape, whether columns come first, and type."""
    version = npy.read_magic(file)
    readers: dict[tuple[int, int], Callable[..., tuple[tuple[int, ...], bool, np.dtype[np.generic]]]] = {
        (1, 0): npy.read_array_header_1_0,
        (2, 0): npy.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"version {version} of NumPy's format is not known")
    shape, columns_first, dtype = readers[version](file, max_header_size=MAX_HEADER_BYTES)
    if any(size < 0 for size in shape):
        raise ValueError(f"it has the shape {shape}")
    return shape, columns_first, dtype


def _values(path: Path, member: str) -> Tensor:
    with ZipFile(path) as archive, archive.open(member) as file:
        shape, columns_first, dtype = _header(file)
        content = file.read()  # to its end, where zipfile compares the checksum
    array = np.frombuffer(content, dtype).reshape(shape, order="F" if columns_first else "C")
    return torch.from_numpy(np.array(array, dtype.newbyteorder("="), order="C"))
