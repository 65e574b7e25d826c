"""MNIST: its idx files, or scikit-learn's download."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from compress.data.idx import read_idx
from compress.data.places import MNIST_FILES, mnist_places

__all__ = ["Records", "download_mnist", "read_mnist"]

MNIST_TEST_IMAGES = 10_000

Records = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""Images and labels."""


def read_mnist(folder: Path) -> tuple[Records, Records]:
    """Images (N, 28, 28) and labels of the training files and of the test files."""
    train, test = (_read_records(folder, *MNIST_FILES[part]) for part in ("train", "test"))
    return train, test


def _read_records(folder: Path, images_name: str, labels_name: str) -> Records:
    images_path, labels_path = _find(folder, images_name), _find(folder, labels_name)
    images, labels = read_idx(images_path, dimensions=3), read_idx(labels_path, dimensions=1)
    if images.shape[1:] != (28, 28) or len(labels) < 2:
        raise CodesignError(f"{images_path} holds {images.shape}, not 28x28 images", "use the files of MNIST")
    if len(images) != len(labels):
        raise CodesignError(
            f"{len(images)} images in {images_path} but {len(labels)} labels in {labels_path}",
            "use the two files of one set",
        )
    if labels.max() > 9:
        raise CodesignError(f"{labels_path} holds a label {labels.max()}, digits go to 9", "use the files of MNIST")
    return images, labels


def _find(folder: Path, name: str) -> Path:
    for path in mnist_places(folder, name):
        if path.is_file():
            return path
    raise CodesignError(
        f"no MNIST file {name}(.gz) in {folder} or {folder / 'mnist'}",
        "point CODESIGN_DATA at the folder with MNIST's four idx files, or unset it to download them",
    )


def download_mnist() -> tuple[Records, Records]:
    """The same from OpenML; scikit-learn keeps the file."""
    from sklearn.datasets import fetch_openml

    try:
        with warnings.catch_warnings(action="ignore"):  # of each try; the last one's failure is told below
            images, labels = fetch_openml("mnist_784", version=1, return_X_y=True, as_frame=False)
    except Exception as error:  # network, disk and parser errors are all the same to the user
        raise CodesignError(
            f"MNIST could not be downloaded: {error}",
            "set CODESIGN_DATA to a folder with MNIST's four idx files",
        ) from error
    images, labels = images.astype(np.uint8).reshape(-1, 28, 28), labels.astype(np.uint8)
    first_test = len(labels) - MNIST_TEST_IMAGES
    return (images[:first_test], labels[:first_test]), (images[first_test:], labels[first_test:])
