"""Cluster a pruned network's weights: k-means in every ADMM iteration, then training of the centroids (000 Alg. 3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from compress.admm import AdmmConfig, AdmmStep, admm
from compress.chain import prunable_layers
from compress.checkpoint import Checkpoint, describe_run, digest
from compress.clusters import Clusters
from compress.data import Dataset
from compress.patterns import by_layer
from compress.progress import Progress
from compress.prune import apply_masks
from compress.quantize import QUANTIZE_CONFIG, complete_masks
from compress.running import on_device
from compress.split import Constraint
from compress.training import EpochRecord, FixedWeights, TrainingConfig, train

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
    names = by_layer(prunable_layers(network), clusters)
    full_masks = complete_masks(network, masks)
    run = describe_run("cluster", network, dataset, config, clusters=names)
    store = None if checkpoint is None else Checkpoint(checkpoint, {**run, "masks": digest(full_masks)})
    apply_masks(network, full_masks)
    with on_device(network, config.device):
        device = next(network.parameters()).device
        sets = {name: Clusters(count, full_masks[name].to(device)) for name, count in names.items()}
        history = admm(
            network,
            dataset,
            [Constraint((name,), target) for name, target in sets.items()],
            config,
            fixed=FixedWeights(network, {name: ~mask for name, mask in full_masks.items()}),
            checkpoint=store,
            stage="cluster",
            progress=progress,
        )
        labels = {name: _collapse(network, name, target) for name, target in sets.items()}
        records = _train_centroids(network, dataset, labels, config, store, progress)
    centroids = {name: _centroids(network, name, label) for name, label in labels.items()}
    return ClusterResult(centroids, {name: label.cpu() for name, label in labels.items()}, history, records)


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


def _train_centroids(
    network: nn.Module,
    dataset: Dataset,
    labels: Mapping[str, Tensor],
    config: AdmmConfig,
    checkpoint: Checkpoint | None,
    progress: Progress | None,
) -> tuple[EpochRecord, ...]:
    """000 Alg. 3, lines 15-17: a centroid's gradient is the sum of its weights'; nothing else is trained."""
    if config.retrain_epochs == 0 or not labels:
        return ()
    training = TrainingConfig(
        epochs=config.retrain_epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        weight_decay=0.0,
        augment_shift=config.augment_shift,
        seed=config.seed + 1,
        device=config.device,
    )
    with _tied(network, labels):
        return train(network, dataset, training, progress, checkpoint=checkpoint, stage="train centroids")


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
    bias = module.bias  # torch put the weight last; a network's order of parameters is part of its digest
    del module.bias
    module.register_parameter("bias", bias)  # type: ignore[arg-type]


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
