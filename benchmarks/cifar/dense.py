"""The trained ResNet-20 that the benchmark starts from: 91.73 % on CIFAR-10's test images."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from torch import nn

from benchmarks.cifar.recipes import DATA, NETWORK
from compress.base.errors import CodesignError
from compress.data.datasets import load_dataset
from compress.data.places import data_folder
from compress.data.split import Dataset
from compress.networks.registry import build_network
from compress.networks.weights.fit import load_weights

__all__ = ["dataset", "dense_network", "weights_file"]

STEM = "resnet20-12fca82f"
SUFFIXES = (".npz", ".th")


@cache
def dataset() -> Dataset:
    """CIFAR-10, normalized for the published network; a twelfth of the training images validates."""
    return load_dataset(DATA["name"], DATA["seed"]).normalized(DATA["mean"], DATA["std"])


def weights_file() -> Path:
    """The file of Idelbayev's network in CODESIGN_MODELS, or in the folder ``models`` beside CODESIGN_DATA."""
    data = data_folder(None)
    folder = Path(os.environ["CODESIGN_MODELS"]) if "CODESIGN_MODELS" in os.environ else None
    if folder is None and data is not None:
        folder = data.parent / "models"
    for suffix in SUFFIXES:
        if folder is not None and (folder / f"{STEM}{suffix}").is_file():
            return folder / f"{STEM}{suffix}"
    raise CodesignError(
        f"no {' or '.join(STEM + suffix for suffix in SUFFIXES)} in {folder or 'CODESIGN_MODELS'}",
        "set CODESIGN_MODELS to a folder with it; akamaster/pytorch_resnet_cifar10 on GitHub has it",
    )


def dense_network() -> nn.Module:
    """The published network."""
    network = build_network(NETWORK, 0)
    load_weights(network, weights_file())
    return network.eval()
