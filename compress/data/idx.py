"""The idx format of the MNIST files."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError

__all__ = ["read_idx"]

UNSIGNED_BYTE = 8
FETCH_AGAIN = "fetch the file again from a mirror of MNIST"


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read an idx file of unsigned bytes, plain or gzipped (by its content, not its name).

    The file is a big-endian magic number ``0x0000 08 dd``, with dd = ``dimensions``, then one 32-bit size for each
    dimension, then the bytes in C order.

    Raises
    ------
    CodesignError
        The file is missing, is not such a file, or is shorter or longer than its header says.
    """
    content = _read_bytes(path)
    header_bytes = 4 + 4 * dimensions
    if content[:4] != bytes([0, 0, UNSIGNED_BYTE, dimensions]):
        raise CodesignError(f"{path} is not an idx file of bytes in {dimensions} dimensions", FETCH_AGAIN)
    if len(content) < header_bytes:
        raise CodesignError(f"{path} is truncated in its header", FETCH_AGAIN)
    shape = struct.unpack(f">{dimensions}I", content[4:header_bytes])
    expected = header_bytes + math.prod(shape)
    if len(content) != expected:
        raise CodesignError(f"{path} has {len(content)} bytes, its header promises {expected}", FETCH_AGAIN)
    return np.frombuffer(content, dtype=np.uint8, offset=header_bytes).reshape(shape)


def _read_bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError, zlib.error) as error:
        raise CodesignError(f"cannot read {path}: {error}", FETCH_AGAIN) from error
