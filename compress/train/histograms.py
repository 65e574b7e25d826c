"""Histograms of several snapshots of a network's weights: what a report keeps instead of the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from compress.base.errors import CodesignError
from compress.networks.layers import prunable_layers

__all__ = ["BINS", "LayerHistograms", "Snapshot", "admm_histograms", "copy_weights", "weight_histograms"]

BINS = 81  # odd, so that one is centred on zero


@dataclass(frozen=True)
class Snapshot:
    """A layer's weights at one point of a run: ``counts`` of the nonzero ones by bin, and how many are exactly zero."""

    name: str
    counts: tuple[int, ...]
    zeros: int


@dataclass(frozen=True)
class LayerHistograms:
    """Several snapshots of one layer, in the same bins.

    Members
    -------
    moments : tuple of Snapshot
        In the order of the run; report.json has them under this name.
    edges : tuple of float
        BINS + 1, rising, from minus to plus the largest magnitude of all snapshots. Bin i holds
        edges[i] <= weight < edges[i + 1], the last one also its right edge (``numpy.histogram``).
    """

    layer: str
    edges: tuple[float, ...]
    moments: tuple[Snapshot, ...]


def copy_weights(network: nn.Module) -> dict[str, Tensor]:
    """A copy of every prunable layer's weight, on the CPU."""
    return {name: layer.weight.detach().cpu().clone() for name, layer in prunable_layers(network).items()}


def weight_histograms(snapshots: Mapping[str, Mapping[str, Tensor]]) -> tuple[LayerHistograms, ...]:
    """Count each layer's weights in each snapshot.

    Parameters
    ----------
    snapshots : mapping of a snapshot's name to tensors by layer
        As ``copy_weights`` gives them; every snapshot has the same layers.

    Raises
    ------
    CodesignError
        No snapshot, snapshots of different layers, or a weight that is not finite.
    """
    layers = [list(weights) for weights in snapshots.values()]
    if not layers or any(names != layers[0] for names in layers):
        raise CodesignError("histograms need the same layers in every snapshot", "copy the weights of one network")
    return tuple(_of_layer(name, {when: weights[name] for when, weights in snapshots.items()}) for name in layers[0])


def admm_histograms(
    before: Mapping[str, Tensor], after_admm: Mapping[str, Tensor], network: nn.Module
) -> tuple[LayerHistograms, ...]:
    """Each layer's weights before ADMM, after it, and after the retraining: ``network`` as it is now.

    A method without weights after ADMM has two snapshots, before and after.
    """
    after = copy_weights(network)
    if not after_admm:
        return weight_histograms({"before": before, "after": after})
    return weight_histograms({"before ADMM": before, "after ADMM": after_admm, "after retraining": after})


def _of_layer(layer: str, weights: Mapping[str, Tensor]) -> LayerHistograms:
    values = {name: tensor.detach().cpu().numpy().ravel().astype(np.float64) for name, tensor in weights.items()}
    limit = float(max(np.abs(array).max(initial=0.0) for array in values.values()))
    if not np.isfinite(limit):
        raise CodesignError(
            f"layer {layer!r} has weights that are not finite", "train again with a lower learning rate"
        )
    edges = np.linspace(-1, 1, BINS + 1) * (limit or 1.0)
    found = tuple(
        Snapshot(name, tuple(np.histogram(array[array != 0], edges)[0].tolist()), int((array == 0).sum()))
        for name, array in values.items()
    )
    return LayerHistograms(layer, tuple(edges.tolist()), found)
