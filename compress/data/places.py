"""Where the files of the data sets are, for reading them and for knowing when they have changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["MNIST_FILES", "TEST_IMAGES", "TRAINING_IMAGES", "data_folder", "mnist_places"]

MNIST_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
TRAINING_IMAGES, TEST_IMAGES = "train", "val"
"""Sub-folders of a folder of images."""


def data_folder(given: Path | None) -> Path | None:
    """``given``, else the environment variable CODESIGN_DATA; None without either."""
    if given is None and "CODESIGN_DATA" in os.environ:
        return Path(os.environ["CODESIGN_DATA"])
    return given


def mnist_places(folder: Path, name: str) -> Iterator[Path]:
    """Where one of ``MNIST_FILES`` may be, in the order of search."""
    return (folder / place / f"{name}{suffix}" for place in ("mnist", ".") for suffix in (".gz", ""))
