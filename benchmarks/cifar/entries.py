"""What cifar.json says of the dense network and of each step."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.cifar.dense import dataset, dense_network
from benchmarks.cifar.integers import measure_in_integers, sizes
from benchmarks.cifar.jobs import Chain
from benchmarks.results import Results
from compress.train.training import accuracy

__all__ = ["dense_entry", "step_entry"]


def dense_entry(results: Results) -> dict[str, Any]:
    """Accuracy of the network before pruning; its own authors trained it on the validation images too."""
    torch.set_num_threads(1)
    if (found := results.get(__name__, "cifar-dense", {})) is not None:
        return found
    network, data = dense_network(), dataset()
    result = {
        "validation_accuracy": accuracy(network, data.validation),
        "test_accuracy": accuracy(network, data.test),
        "images": {name: len(getattr(data, name)) for name in ("train", "validation", "test")},
    }
    results.put(__name__, "cifar-dense", {}, result)
    return result


def step_entry(chain: Chain, name: str, results: Results) -> dict[str, Any] | None:
    """Sizes and accuracies of a step whose network is quantized; None before."""
    if not (chain.is_trained("prune", name) and chain.is_trained("quantize", name)):
        return None
    pruned, quantized = chain.facts("prune", name), chain.facts("quantize", name)
    section = chain.steps[name].section
    return {
        "name": name,
        "after": chain.steps[name].after,
        **sizes(chain.quantized(name)[1]),
        "pruned_validation_accuracy": pruned["validation_accuracy"],
        "pruned_test_accuracy": pruned["float_test_accuracy"],
        "validation_accuracy": quantized["validation_accuracy"],
        "float_test_accuracy": quantized["float_test_accuracy"],
        **measure_in_integers(chain, name, results),
        "epochs": {"prune": section.prune.epochs, "quantize": len(quantized["admm"]) + len(quantized["retraining"])},
        "seconds": pruned["seconds"] + quantized["seconds"],
        "commits": {"prune": pruned["commit"], "quantize": quantized["commit"]},
    }
