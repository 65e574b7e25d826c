"""The data sets: scikit-learn's digits, MNIST from idx files or by download, CIFAR-10, folders of images, your own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compress.base.errors import CodesignError
from compress.base.user_functions import is_function_name
from compress.data.cifar import read_cifar10
from compress.data.imagefolder import FolderImages, list_images
from compress.data.mnist import download_mnist, read_mnist
from compress.data.places import TEST_IMAGES, TRAINING_IMAGES, data_folder
from compress.data.split import Dataset, Split
from compress.data.task import CLASSIFICATION, Task
from compress.data.user_data import call_data_function

__all__ = ["DATASETS", "Dataset", "Split", "is_data_function", "is_dataset_name", "load_dataset"]

DATASETS = ("digits", "mnist", "cifar10", "imagefolder")
"""Names that ``load_dataset`` knows; ``imagefolder:SIZE`` gives the size that images are cropped to."""
DIGITS_TEST_PORTION = 0.2
DIGITS_VALIDATION_PORTION = 0.15
TRAINING_PER_VALIDATION = 12  # MNIST's 60,000 images become 55,000 and 5,000
IMAGE_SIZE = 224


def load_dataset(
    name: str,
    seed: int,
    folder: Path | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    task: Task = CLASSIFICATION,
) -> Dataset:
    """Load a data set by name.

    Parameters
    ----------
    name : str
        ``"digits"``: 1,797 images of 8x8, bundled with scikit-learn, split in 65 : 15 : 20 with equal class
        portions. ``"mnist"``: 70,000 images of 28x28. ``"cifar10"``: 60,000 of 3x32x32. ``"imagefolder"`` or
        ``"imagefolder:SIZE"``: colour images cropped to SIZE x SIZE (224), read when needed. In the last three, a
        twelfth of the training images becomes validation. ``"package.module:function"``: what a function of your own
        returns (``compress.data.user_data.UserData``), normalized as that says.
    seed : int
        Chooses the validation images, and the test images of digits.
    folder : Path, optional
        Where the files are. MNIST's idx files lie there or in a folder ``mnist``, CIFAR-10's binary batches there or
        in ``cifar-10-batches-bin``, images in ``train/<class>/`` and ``val/<class>/``. Default: the environment
        variable CODESIGN_DATA; without it scikit-learn downloads MNIST. Of a function, where its module is, beside the
        Python path.
    options : mapping of str to value, optional
        Arguments of a function of your own.
    task : Task
        Other than classification, what the targets are for.

    Raises
    ------
    CodesignError
        Unknown name, missing or damaged files, failed download, a function that returns something else.
    """
    if not is_dataset_name(name):
        raise CodesignError(
            f"unknown data set {name!r}",
            f"use one of: {', '.join(DATASETS)}, or your own as 'package.module:function'",
        )
    kind, _, size = name.partition(":")
    if kind not in DATASETS:
        return _user_dataset(name, seed, folder, options, task)
    if options:
        raise CodesignError(f"data set {name!r} has no options", "give options to a function of your own")
    dataset = _named(kind, size, seed, folder)
    if task is CLASSIFICATION:
        return dataset
    return Dataset(name, *(replace(part, task=task) for part in (dataset.train, dataset.validation, dataset.test)))


def is_dataset_name(name: str) -> bool:
    """Whether ``load_dataset`` knows the name, or it can be one of a function of the user's."""
    kind, _, size = name.partition(":")
    if kind in DATASETS:
        return name == kind or (kind == "imagefolder" and re.fullmatch("[1-9][0-9]{0,3}", size) is not None)
    return is_data_function(name)


def is_data_function(name: str) -> bool:
    """Whether it is a name of a function of the user's own, not one of ``DATASETS`` with or without a size."""
    return is_function_name(name) and name.partition(":")[0] not in DATASETS


def _user_dataset(name: str, seed: int, folder: Path | None, options: Mapping[str, Any] | None, task: Task) -> Dataset:
    given, parts = call_data_function(name, folder, options)
    splits = {part: Split(found.images, found.targets, task=task) for part, found in parts.items()}
    if "validation" not in splits:
        validation, train = _hold_out(len(splits["train"]), seed)
        whole = splits["train"]
        for part, places in (("validation", validation), ("train", train)):
            splits[part] = replace(whole, images=whole.images[places], labels=whole.labels[places])
    return Dataset(name, splits["train"], splits["validation"], splits["test"]).normalized(given.mean, given.std)


def _named(kind: str, size: str, seed: int, folder: Path | None) -> Dataset:
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
    (images, labels), test = download_mnist() if folder is None else read_mnist(folder)
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


def _split(images_NCHW: NDArray[np.floating], labels: NDArray[np.integer]) -> Split:
    contiguous = np.ascontiguousarray(images_NCHW, dtype=np.float32)
    return Split(torch.from_numpy(contiguous), torch.from_numpy(labels.astype(np.int64)))
