"""What a step's quantized network is in integers: its file, its size, its accuracy on the test images."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.cifar.dense import dataset
from benchmarks.cifar.jobs import Chain
from benchmarks.cifar.recipes import DATA, NETWORK, SEED
from benchmarks.results import Results
from codesign.loop.evaluate import evaluate_model
from codesign.settings.compression import integer_model
from compress.base.errors import CodesignError
from compress.methods.quantize import QuantizeResult
from compress.model.model_file import save_model
from compress.storage.archive import save_archive
from compress.storage.packed_file import encode_weights
from compress.storage.sizes import model_storage
from compress.storage.values import PackedWeights

__all__ = ["measure_in_integers", "sizes"]


def measure_in_integers(chain: Chain, name: str, results: Results) -> dict[str, Any]:
    """Accuracy of the integer model of a step, and bytes of its archive; why there is none where it cannot be made."""
    torch.set_num_threads(1)
    trained = {kind: chain.facts(kind, name)["weights_digest"] for kind in ("prune", "quantize")}
    key, settings = f"cifar-integers-{name.rstrip('%')}", {"step": name, "trained": trained}
    if (found := results.get(__name__, key, settings)) is not None:
        return found
    path = results.path("models", f"{NETWORK}-{name.rstrip('%')}.safetensors")
    try:
        result = _measured(chain, name, path)
    except CodesignError as error:
        return {"refused": error.cause}
    results.put(__name__, key, settings, result)
    return result


def _measured(chain: Chain, name: str, path: Path) -> dict[str, Any]:
    network, found = chain.quantized(name)
    section = chain.steps[name].section
    provenance = {"data": DATA["name"], "network": NETWORK, "seed": SEED, "benchmark": f"cifar {name}"}
    model = integer_model(network, found, dataset(), section.values.calibrate, provenance=provenance)
    save_model(model, path)
    archive = path.with_suffix(".packed")
    save_archive(model, archive)
    evaluation = evaluate_model(path, DATA["name"])
    return {
        "integer_accuracy": evaluation.accuracy,
        "test_images": evaluation.test_images,
        "archive_bytes": archive.stat().st_size,
        "model": f"models/{path.name}",
    }


def sizes(found: QuantizeResult) -> dict[str, Any]:
    """Bytes of the weights' file and what they are made of, from the levels alone.

    ``file_ratio`` is every weight as a 32-bit float over the bytes of ``compress.storage.packed_file``, indices and
    header included; ``floor_ratio`` what no index format exceeds for random masks of these densities.
    """
    packed = [
        PackedWeights(name, _four_axes(levels), found.weight_bits[name], found.intervals[name])
        for name, levels in found.levels.items()
    ]
    storage, content = model_storage(packed), encode_weights(packed)[0]
    nonzeros = storage.nonzeros
    return {
        "weights": storage.weights,
        "kept": nonzeros,
        "pruning_ratio": storage.weights / nonzeros,
        "mean_bits": _mean((layer.weight_bits, layer.nonzeros) for layer in storage.layers),
        "packed_bytes": len(content),
        "file_ratio": storage.dense_bits / (8 * len(content)),
        "data_ratio": storage.dense_bits / storage.data_bits,
        "floor_ratio": storage.dense_bits / storage.floor_bits,
        "layers": [
            {"name": layer.name, "weights": layer.weights, "kept": layer.nonzeros, "bits": layer.weight_bits}
            for layer in storage.layers
        ],
    }


def _mean(bits_and_counts: Iterable[tuple[int, int]]) -> float:
    bits, counts = zip(*bits_and_counts, strict=True)
    return float(np.average(bits, weights=counts))


def _four_axes(levels: Tensor) -> np.ndarray[Any, np.dtype[np.int16]]:
    array: np.ndarray[Any, np.dtype[np.int16]] = levels.numpy().astype(np.int16)
    return array.reshape(*array.shape, *[1] * (4 - array.ndim))
