"""What a compressed model is worth: its accuracy in integers and its size, from its file and a data set alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from codesign.loop.integer_network import IntegerNetwork
from codesign.loop.model_data import data_of, load_test_split
from compress.base.progress import Progress, Update
from compress.data.datasets import Split
from compress.model.compressed_model import CompressedModel
from compress.model.layer import CompressedLayer
from compress.model.ops.op import Op
from compress.storage.archive import read_model
from compress.storage.packed_file import encode_weights
from compress.storage.sizes import LayerStorage, ModelStorage, model_storage
from compress.train.training import accuracy
from sim.golden.golden import quantize_input, run_model
from sim.golden.lifetimes import live_elements

__all__ = ["Evaluation", "evaluate_model", "integer_accuracy"]

MOST_IMAGES_AT_ONCE = 250
ELEMENTS_AT_ONCE = 1 << 23  # of the graph's values, and of the matrix that the golden model lays out for a layer


@dataclass(frozen=True)
class Evaluation:
    """Accuracy and size of a compressed model.

    Members
    -------
    data : str
        The data set, as ``compress.data.datasets.load_dataset`` names it.
    test_images, correct : int
        Images of its test split, and those the integer network classifies as labelled.
    storage : ModelStorage
        Weights kept and bits by layer, and the papers' ratios without and with indices. Biases and scales are not
        counted.
    packed_bytes : int
        Of the file that ``compress.storage.packed_file.save_packed`` writes, header included.
    """

    data: str
    test_images: int
    correct: int
    storage: ModelStorage
    packed_bytes: int

    @property
    def accuracy(self) -> float:
        """Fraction of the test images."""
        return self.correct / self.test_images

    @property
    def packed_ratio(self) -> float:
        """Every weight as a 32-bit float over the packed file's real bytes."""
        return self.storage.dense_bits / (8 * self.packed_bytes)

    def to_dict(self) -> dict[str, Any]:
        """JSON of the members and of the ratios; an infinite ratio, of nothing kept, is None."""
        storage = self.storage
        return {
            "data": self.data,
            "test_images": self.test_images,
            "correct": self.correct,
            "accuracy": self.accuracy,
            "layers": [_layer_dict(layer) for layer in storage.layers],
            "kept": storage.nonzeros,
            "weights": storage.weights,
            "ratio": storage.weights / storage.nonzeros if storage.nonzeros else None,
            "bits_per_weight": storage.bits_per_weight,
            "dense_bits": storage.dense_bits,
            "data_bits": storage.data_bits,
            "data_ratio": _finite(storage.data_ratio),
            "total_bits": storage.total_bits,
            "total_ratio": _finite(storage.total_ratio),
            "packed_bytes": self.packed_bytes,
            "packed_ratio": self.packed_ratio,
        }


def _layer_dict(layer: LayerStorage) -> dict[str, Any]:
    return {
        "name": layer.name,
        "kept": layer.nonzeros,
        "weights": layer.weights,
        "ratio": layer.weights / layer.nonzeros if layer.nonzeros else None,
        "weight_bits": layer.weight_bits,
    }


def _finite(ratio: float) -> float | None:
    return ratio if math.isfinite(ratio) else None


def evaluate_model(
    path: Path, data: str | None = None, folder: Path | None = None, progress: Progress | None = None
) -> Evaluation:
    """Evaluate the model in a file on the test split of a data set.

    Parameters
    ----------
    data : str, optional
        By default the data set that the model's provenance names.
    folder : Path, optional
        Where the data set's files are, as in ``compress.data.datasets.load_dataset``.

    Raises
    ------
    CodesignError
        What ``read_model`` and ``load_test_split`` raise.
    """
    model = read_model(path)
    name = data or data_of(model)
    split = load_test_split(model, name, folder)
    return Evaluation(
        data=name,
        test_images=len(split),
        correct=_count_correct(model, split, progress),
        storage=model_storage(model.layers),
        packed_bytes=len(encode_weights(model.layers)[0]),
    )


def integer_accuracy(model: CompressedModel, split: Split, progress: Progress | None = None) -> float:
    """Fraction of a split's images that the integer network, as the array computes it, classifies as labelled.

    Of another task than classification its figure.
    """
    if not split.task.classes:
        return accuracy(IntegerNetwork(model), split.normalized(None))
    return _count_correct(model, split, progress) / len(split)


def _count_correct(model: CompressedModel, split: Split, progress: Progress | None) -> int:
    correct, at_once, pixels = 0, _images_at_once(model), split.pixels
    for start in range(0, len(split), at_once):
        images = pixels[start : start + at_once].numpy()
        answers = run_model(model, quantize_input(model, images)).reshape(len(images), -1).argmax(axis=1)
        correct += int(np.sum(answers == split.labels[start : start + at_once].numpy()))
        if progress is not None:
            progress(Update("test images, in integers", start + len(images), len(split)))
    return correct


def _images_at_once(model: CompressedModel) -> int:
    """As many as keep the golden model's largest matrix, and the values that exist beside it, below about 64 MB."""
    values = live_elements(model)
    largest = max(values[node.name] + _products_of_a_filter(node.op) for node in model.nodes)
    return min(MOST_IMAGES_AT_ONCE, max(1, ELEMENTS_AT_ONCE // largest))


def _products_of_a_filter(op: CompressedLayer | Op) -> int:
    """Products of one filter for one image, before pruning; none of another operation."""
    if not isinstance(op, CompressedLayer):
        return 0
    return math.prod(op.levels.shape[1:]) * math.prod(op.conv_shape[1:])
