"""CIFAR-10 from its binary batch files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError

__all__ = ["read_cifar10"]

RECORD = 1 + 3 * 32 * 32  # label, then red, green and blue planes
TRAINING_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_FILE = "test_batch.bin"
SUBFOLDERS = ("cifar-10-batches-bin", "cifar10", ".")

Records = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def read_cifar10(folder: Path) -> tuple[Records, Records]:
    """Images uint8 (N, 3, 32, 32) and labels uint8 (N,), of the training files and of the test file.

    Raises
    ------
    CodesignError
        A file is missing, truncated, or holds a label above 9.
    """
    for name in SUBFOLDERS:
        place = folder / name
        if (place / TEST_FILE).is_file():
            parts = [_read(place / file) for file in TRAINING_FILES]
            images, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
            return (images, labels), _read(place / TEST_FILE)
    raise CodesignError(
        f"no CIFAR-10 file {TEST_FILE} in {folder} or its folder {SUBFOLDERS[0]}",
        "unpack cifar-10-binary.tar.gz there, or point CODESIGN_DATA at its folder",
    )


def _read(path: Path) -> Records:
    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise CodesignError(f"cannot read {path}: {error.strerror}", "unpack all of cifar-10-binary.tar.gz") from error
    if len(content) == 0 or len(content) % RECORD:
        raise CodesignError(f"{path} has {len(content)} bytes, not a multiple of {RECORD}", "unpack the archive again")
    records = content.reshape(-1, RECORD)
    if records[:, 0].max() > 9:
        raise CodesignError(f"{path} holds a label {records[:, 0].max()}, CIFAR-10's go to 9", "use CIFAR-10's files")
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0]
