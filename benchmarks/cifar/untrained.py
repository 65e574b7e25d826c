"""Pruning without any training: layer-wise ADMM from calibration images (ALPS) against magnitude."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch
from torch import nn

from benchmarks.cifar.dense import dataset, dense_network
from benchmarks.cifar.recipes import SEED
from benchmarks.results import Results
from compress.admm.iteration import AdmmConfig
from compress.admm.split_variables import project_weights
from compress.methods.layer_wise import reconstruct_layers
from compress.methods.prune import cardinality_constraints
from compress.train.batch_norms import recalibrate_batch_norms
from compress.train.settings import seeded
from compress.train.training import accuracy

__all__ = ["METHODS", "RATIOS", "prune_untrained"]

RATIOS = (0.5, 0.7)
"""Portions pruned, the same of every layer."""

METHODS = ("magnitude", "magnitude, norms anew", "layer-wise")
"""``norms anew`` measures the statistics of batch norms again on ``IMAGES`` training images."""

IMAGES, BATCH = 2048, 128
CONFIG = AdmmConfig(
    iterations=60, rho_first=0.1, rho_last=1.0, tolerance=1e-4, retrain_epochs=0, calibration_images=512, seed=SEED
)


def prune_untrained(method: str, portion: float, results: Results) -> dict[str, Any]:
    """Accuracy of the dense network with a portion of every layer pruned, by one of ``METHODS``."""
    torch.set_num_threads(1)
    key, settings = (
        f"cifar-untrained-{method}-{portion:g}",
        {"config": asdict(CONFIG), "portion": portion, "method": method},
    )
    if (found := results.get(__name__, key, settings)) is not None:
        return found
    network = dense_network()
    _prune(network, method, portion)
    data = dataset()
    result = {
        "method": method,
        "portion": portion,
        "validation_accuracy": accuracy(network, data.validation),
        "test_accuracy": accuracy(network, data.test),
    }
    results.put(__name__, key, settings, result)
    return result


def _prune(network: nn.Module, method: str, portion: float) -> None:
    constraints = cardinality_constraints(network, {"*": 1 - portion})
    if method == "layer-wise":
        reconstruct_layers(network, dataset().train.images, constraints, CONFIG)
        return
    project_weights(network, constraints)
    if method != "magnitude":
        with seeded(SEED):
            recalibrate_batch_norms(network, dataset().train, IMAGES, BATCH)
