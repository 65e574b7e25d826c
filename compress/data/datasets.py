"""The data sets: scikit-learn's bundled digits, MNIST from idx files or by download, CIFAR-10, folders of images."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compress.base.errors import CodesignError
from compress.data.cifar import read_cifar10
from compress.data.idx import read_idx
from compress.data.imagefolder import FolderImages, list_images
from compress.data.normalization import Normalization
from compress.data.places import MNIST_FILES, TEST_IMAGES, TRAINING_IMAGES, data_folder, mnist_places

__all__ = ["DATASETS", "Dataset", "Split", "load_dataset"]

DATASETS = ("digits", "mnist", "cifar10", "imagefolder")
"""Names that ``load_dataset`` knows; ``imagefolder:SIZE`` gives the size that images are cropped to."""
DIGITS_TEST_PORTION = 0.2
DIGITS_VALIDATION_PORTION = 0.15
TRAINING_PER_VALIDATION = 12  # MNIST's 60,000 images become 55,000 and 5,000
IMAGE_SIZE = 224
MNIST_TEST_IMAGES = 10_000


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their labels.

    Members
    -------
    images : float32 (N, C, H, W)
        What the network reads: pixels in [0, 1], normalized where there is a normalization.
    labels : int64 (N,)
    normalization : Normalization, optional
        How ``images`` were made of pixels.
    """

    images: Tensor
    labels: Tensor
    normalization: Normalization | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.dtype != torch.float32 or len(self.images) == 0:
            raise CodesignError(
                f"images must be float32 (N, C, H, W), not {self.images.dtype} {tuple(self.images.shape)}",
                "convert and reshape the images",
            )
        if self.labels.dtype != torch.int64 or self.labels.shape != self.images.shape[:1]:
            raise CodesignError(
                f"{len(self.images)} images need as many int64 labels, not {self.labels.dtype} "
                f"{tuple(self.labels.shape)}",
                "give one label per image",
            )
        if _lazy(self.images) is None:  # photos are in range, and not read for a check
            self._check_range()

    def _check_range(self) -> None:
        least, largest = (bound(self.images, (0, 2, 3)) for bound in (torch.amin, torch.amax))
        if self.normalization is None:
            if not (float(least.min()) >= 0 and float(largest.max()) <= 1):
                raise CodesignError("images must lie in [0, 1]", "divide them by their largest value")
        elif not self.normalization.in_range(least, largest):
            raise CodesignError(
                "normalized images must be made of pixels in [0, 1]",
                "divide the pixels by their largest value, and the means and standard deviations too",
            )

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, count: int) -> Split:
        """The first ``count`` images, or all."""
        return replace(self, images=self.images[:count], labels=self.labels[:count])

    @property
    def pixels(self) -> Tensor:
        """The images (N, C, H, W) in [0, 1], as an integer model reads them."""
        if self.normalization is None:
            return self.images
        lazy = _lazy(self.images)
        return self.normalization.invert(self.images) if lazy is None else cast(Tensor, lazy.normalized(None))

    def normalized(self, normalization: Normalization | None) -> Split:
        """The same pixels, normalized in this way instead."""
        lazy = _lazy(self.images)
        if lazy is not None:
            images = cast(Tensor, lazy.normalized(normalization))
        else:
            images = self.pixels if normalization is None else normalization.apply(self.pixels)
        return replace(self, images=images, normalization=normalization)


def _lazy(images: object) -> FolderImages | None:
    """Images that are read when they are asked for, or None for a tensor."""
    return images if isinstance(images, FolderImages) else None


@dataclass(frozen=True, eq=False)
class Dataset:
    """Train on ``train``, choose on ``validation``, report on ``test``."""

    name: str
    train: Split
    validation: Split
    test: Split

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width

    def normalized(self, mean: Sequence[float] | None, std: Sequence[float] | None) -> Dataset:
        """The same pixels, normalized by numbers for each channel or one for all; not at all by None and None."""
        normalization = Normalization.of(mean, std, self.input_shape[0])
        splits = {name: getattr(self, name).normalized(normalization) for name in ("train", "validation", "test")}
        return replace(self, **splits)


def load_dataset(name: str, seed: int, folder: Path | None = None) -> Dataset:
    """Load a data set by name.

    Parameters
    ----------
    name : str
        ``"digits"``: 1,797 images of 8x8, bundled with scikit-learn, split in 65 : 15 : 20 with equal class
        portions. ``"mnist"``: 70,000 images of 28x28. ``"cifar10"``: 60,000 of 3x32x32. ``"imagefolder"`` or
        ``"imagefolder:SIZE"``: colour images cropped to SIZE x SIZE (224), read when needed. In the last three, a
        twelfth of the training images becomes validation.
    seed : int
        Chooses the validation images, and the test images of digits.
    folder : Path, optional
        Where the files are. MNIST's idx files lie there or in a folder ``mnist``, CIFAR-10's binary batches there or
        in ``cifar-10-batches-bin``, images in ``train/<class>/`` and ``val/<class>/``. Default: the environment
        variable CODESIGN_DATA; without it scikit-learn downloads MNIST.

    Raises
    ------
    CodesignError
        Unknown name, missing or damaged files, failed download.
    """
    kind, _, size = name.partition(":")
    if kind not in DATASETS or (size and (kind != "imagefolder" or not re.fullmatch("[1-9][0-9]{0,3}", size))):
        raise CodesignError(f"unknown data set {name!r}", f"use one of: {', '.join(DATASETS)}")
    if kind == "digits":
        return _digits(seed)
    folder = data_folder(folder)
    if kind == "mnist":
        return _mnist(seed, folder)
    if folder is None:
        raise CodesignError(f"{kind} is not bundled", "point CODESIGN_DATA at the folder with its files")
    return _cifar10(seed, folder) if kind == "cifar10" else _imagefolder(seed, folder, int(size or IMAGE_SIZE))


def _digits(seed: int) -> Dataset:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8) / 16
    rest, test = train_test_split(
        np.arange(len(labels)), test_size=DIGITS_TEST_PORTION, stratify=labels, random_state=seed
    )
    validation_portion = DIGITS_VALIDATION_PORTION / (1 - DIGITS_TEST_PORTION)
    train, validation = train_test_split(rest, test_size=validation_portion, stratify=labels[rest], random_state=seed)
    return Dataset("digits", *(_split(images[part, None], labels[part]) for part in (train, validation, test)))


def _mnist(seed: int, folder: Path | None) -> Dataset:
    (images, labels), test = _download_mnist() if folder is None else _read_mnist(folder)
    validation, train = _hold_out(len(labels), seed)
    parts = ((images[train], labels[train]), (images[validation], labels[validation]), test)
    return Dataset("mnist", *(_split(images[:, None] / np.float32(255), labels) for images, labels in parts))


def _cifar10(seed: int, folder: Path) -> Dataset:
    (images, labels), test = read_cifar10(folder)
    validation, train = _hold_out(len(labels), seed)
    parts = ((images[train], labels[train]), (images[validation], labels[validation]), test)
    return Dataset("cifar10", *(_split(images / np.float32(255), labels) for images, labels in parts))


def _imagefolder(seed: int, folder: Path, size: int) -> Dataset:
    paths, labels, classes = list_images(folder / TRAINING_IMAGES)
    test_paths, test_labels, _ = list_images(folder / TEST_IMAGES, classes)
    validation, train = _hold_out(len(paths), seed)
    parts = ((tuple(paths[i] for i in part), labels[part]) for part in (train, validation))
    tests = (test_paths, test_labels)
    return Dataset("imagefolder", *(_folder_split(*part, size) for part in (*parts, tests)))


def _folder_split(paths: tuple[Path, ...], labels: Tensor, size: int) -> Split:
    return Split(cast(Tensor, FolderImages(paths, size)), labels)  # it indexes like one, which is all that is used


def _hold_out(count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions for validation, and those left for training."""
    if count < 2:
        raise CodesignError("a single training image cannot be split", "add images")
    order = np.random.default_rng(seed).permutation(count)
    validation, train = np.split(order, [max(1, count // TRAINING_PER_VALIDATION)])
    return validation, train


Records = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def _read_mnist(folder: Path) -> tuple[Records, Records]:
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


def _download_mnist() -> tuple[Records, Records]:
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


def _split(images_NCHW: NDArray[np.floating], labels: NDArray[np.integer]) -> Split:
    contiguous = np.ascontiguousarray(images_NCHW, dtype=np.float32)
    return Split(torch.from_numpy(contiguous), torch.from_numpy(labels.astype(np.int64)))
