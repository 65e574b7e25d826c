"""The trained ResNet-20 that the benchmark starts from: 91.73 % on CIFAR-10's test images."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from torch import nn

from benchmarks.cifar.recipes import DATA, NETWORK
from benchmarks.published import published_file
from compress.data.datasets import load_dataset
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
    return published_file(
        [STEM + suffix for suffix in SUFFIXES],
        "set CODESIGN_MODELS to a folder with it; akamaster/pytorch_resnet_cifar10 on GitHub has it",
    )


def dense_network() -> nn.Module:
    """The published network."""
    network = build_network(NETWORK, 0)
    load_weights(network, weights_file())
    return network.eval()
