"""Cluster a pruned network's weights: k-means in every ADMM iteration, then training of the centroids (000 Alg. 3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import parametrize

from compress.admm.iteration import AdmmConfig, AdmmStep
from compress.admm.split_variables import Constraint
from compress.base.layer_settings import by_layer
from compress.base.progress import Progress
from compress.data.datasets import Dataset
from compress.methods.quantize import QUANTIZE_CONFIG
from compress.methods.session import Session, open_session
from compress.methods.straight_through import keep_order
from compress.networks.checks import check_plain
from compress.networks.layers import prunable_layers
from compress.sets.centroids import Clusters
from compress.sets.masks import complete_masks, hold_masked
from compress.storage.values import ClusteredWeights
from compress.train.checkpoint import digest
from compress.train.training import EpochRecord

__all__ = ["ClusterResult", "cluster_admm"]


@dataclass(frozen=True, eq=False)
class ClusterResult:
    """Centroids and labels by layer: a weight is now the centroid of its label, 0 for label 0.

    Members
    -------
    centroids : dict of float tensors
        At most as many as asked; the k-th belongs to label k + 1.
    labels : dict of int64 tensors
        In the weight's shape.
    history, retraining
        Of ADMM, and of the centroids' training.
    """

    centroids: dict[str, Tensor]
    labels: dict[str, Tensor]
    history: tuple[AdmmStep, ...]
    retraining: tuple[EpochRecord, ...]

    def packed(self) -> tuple[ClusteredWeights, ...]:
        """The clustered layers for ``compress.storage``; a Linear weight is (K, C, 1, 1)."""
        return tuple(
            ClusteredWeights(name, _four_axes(label.numpy().astype(np.int16)), self.centroids[name].float().numpy())
            for name, label in self.labels.items()
        )


def cluster_admm(
    network: nn.Module,
    dataset: Dataset,
    masks: Mapping[str, Tensor],
    clusters: Mapping[str, int],
    config: AdmmConfig = QUANTIZE_CONFIG,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> ClusterResult:
    """Give the kept weights of each layer a few shared values, in place.

    Parameters
    ----------
    masks : mapping of layer name to bool tensor
        The weights kept by pruning; a layer without a mask keeps all.
    clusters : mapping of layer name or pattern to M
        The number of values; layers without an entry keep their weights.
    """
    check_plain(network)
    counts = by_layer(prunable_layers(network), clusters)
    full_masks = complete_masks(network, masks)
    facts = {"clusters": counts, "masks": digest(full_masks)}
    with open_session("cluster", network, dataset, config, checkpoint, progress, **facts) as run:
        held = hold_masked(network, full_masks)
        device = next(network.parameters()).device
        sets = {name: Clusters(count, full_masks[name].to(device)) for name, count in counts.items()}
        history = run.admm("cluster", [Constraint((name,), target) for name, target in sets.items()], held)
        labels = {name: _collapse(network, name, target) for name, target in sets.items()}
        records = _train_centroids(run, labels)
    centroids = {name: _centroids(network, name, label) for name, label in labels.items()}
    return ClusterResult(centroids, {name: label.cpu() for name, label in labels.items()}, history, records)


def _four_axes(labels: NDArray[np.int16]) -> NDArray[np.int16]:
    return labels.reshape(*labels.shape, *[1] * (4 - labels.ndim))


@torch.no_grad()
def _collapse(network: nn.Module, name: str, target: Clusters) -> Tensor:
    """Set every weight on its centroid; returns the labels."""
    weight = network.get_parameter(f"{name}.weight")
    centroids, labels = target.assign(weight)
    weight.copy_(torch.cat([centroids.new_zeros(1), centroids])[labels])
    return labels


def _centroids(network: nn.Module, name: str, labels: Tensor) -> Tensor:
    """The value of each label from 1 on, read from the weights; 0.0 of a label that no weight has."""
    weight = network.get_parameter(f"{name}.weight").detach().cpu()
    values = torch.zeros(int(labels.max()) + 1, dtype=weight.dtype)
    return values.scatter(0, labels.cpu().reshape(-1), weight.reshape(-1))[1:]


def _train_centroids(run: Session, labels: Mapping[str, Tensor]) -> tuple[EpochRecord, ...]:
    """000 Alg. 3, lines 15-17: a centroid's gradient is the sum of its weights'; nothing else is trained."""
    if not labels:
        return ()
    with _tied(run.network, labels):
        return run.train("train centroids", run.config.retrain_epochs)


@contextmanager
def _tied(network: nn.Module, labels: Mapping[str, Tensor]) -> Iterator[None]:
    """Inside, centroids are the only trained parameters, and weights are looked up from them."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    for name, label in labels.items():
        module = network.get_submodule(name)
        parametrize.register_parametrization(module, "weight", _Lookup(label), unsafe=True)
        module.parametrizations.weight.original.requires_grad_(True)  # type: ignore[union-attr]
    try:
        yield
    finally:
        for name in labels:
            _untie(network.get_submodule(name))
        for parameter in [*trained, *(network.get_parameter(f"{name}.weight") for name in labels)]:
            parameter.requires_grad_(True)


def _untie(module: nn.Module) -> None:
    parametrize.remove_parametrizations(module, "weight")
    keep_order(module)


class _Lookup(nn.Module):
    """Weights from centroids, label 0 giving 0.0, and back."""

    def __init__(self, labels: Tensor) -> None:
        super().__init__()
        self.labels: Tensor
        self.register_buffer("labels", labels)

    def forward(self, centroids: Tensor) -> Tensor:
        values = torch.cat([centroids.new_zeros(1), centroids])
        return values.index_select(0, self.labels.reshape(-1)).reshape(self.labels.shape)

    def right_inverse(self, weight: Tensor) -> Tensor:
        values = weight.new_zeros(int(self.labels.max()) + 1)
        return values.scatter(0, self.labels.reshape(-1), weight.reshape(-1))[1:]
