"""The test images for a compressed model: of the data set it was made with, or of another that fits it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compress.base.errors import CodesignError
from compress.base.settings import LARGEST_SEED
from compress.data.datasets import Split, load_dataset
from compress.model.compressed_model import CompressedModel

__all__ = ["data_of", "load_test_split"]

OTHER_DATA = "give the data set it was made with, by --data"


def data_of(model: CompressedModel) -> str:
    """The data set that the model's provenance names; CodesignError if it names none."""
    name = model.provenance.get("data")
    if not isinstance(name, str) or not name:
        raise CodesignError("the model does not say which data it was made with", "name a data set by --data")
    return name


def load_test_split(model: CompressedModel, data: str, folder: Path | None = None) -> Split:
    """The test images (N, C, H, W) and labels of a data set that the model can read.

    The provenance's seed chooses the test split of digits, so that no image the model was trained on is a test
    image. ``data`` and ``folder`` are those of ``compress.data.datasets.load_dataset``.

    Raises
    ------
    CodesignError
        What ``load_dataset`` raises, or images of another shape or labels of more classes than the model has.
    """
    if (task := model.provenance.get("task")) is not None:
        raise CodesignError(
            f"the model is for the task {task!r}, whose loss and metric are not in its file",
            "read accuracy.json of its run: images can be classified only where labels are classes",
        )
    split = load_dataset(data, _seed(model), folder, options=_options(model, data)).test
    _check_shape(model, data, tuple(split.images.shape[1:]))
    classes, largest = math.prod(model.output.shape), int(split.labels.max())
    if largest >= classes:
        raise CodesignError(f"the model has {classes} outputs, {data} has labels up to {largest}", OTHER_DATA)
    return split


def _check_shape(model: CompressedModel, data: str, given: tuple[int, ...]) -> None:
    flattened = (math.prod(given),) if len(model.input_shape) == 1 else given
    if flattened != model.input_shape:
        raise CodesignError(f"the model reads images {model.input_shape}, {data} has {given}", OTHER_DATA)


def _options(model: CompressedModel, data: str) -> Mapping[str, Any]:
    """Of the data function that the model was made with; of other data none."""
    options = model.provenance.get("data_options", {}) if data == model.provenance.get("data") else {}
    if not isinstance(options, Mapping):
        raise CodesignError(f"the model's data_options are {options!r}", "write it again by `codesign compress`")
    return options


def _seed(model: CompressedModel) -> int:
    seed = model.provenance.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= LARGEST_SEED:
        raise CodesignError(
            f"the model's seed is {seed!r}, not a whole number from 0 to {LARGEST_SEED}",
            "write it again by `codesign compress`",
        )
    return seed
