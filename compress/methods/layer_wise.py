"""Prune a network without training it, layer after layer, from a few images without labels (ALPS, NeurIPS 2024)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from compress.admm.iteration import AdmmConfig
from compress.admm.least_squares import LeastSquares, sparse_least_squares
from compress.admm.sensitivity import sensitivity_for
from compress.admm.split_variables import Constraint, Sensitivity, project_weights
from compress.base.progress import Progress, Update
from compress.methods.prune import PruneResult, PruningMethod, recalibrate
from compress.methods.session import Session
from compress.networks.evaluation_mode import evaluation_mode
from compress.networks.layer_products import columns_of, layer_products, running_order, weight_of_columns
from compress.networks.layers import Prunable, prunable_layers
from compress.sets.constraints import Cardinality, ConstraintSet
from compress.sets.masks import nonzero_masks
from compress.train.checkpoint import Checkpoint
from compress.train.settings import on_device, torch_threads
from compress.train.training import FixedWeights

__all__ = ["prune_layer_wise", "reconstruct_layers"]

STAGE = "layer by layer"
LayerSets = Mapping[str, Sequence[ConstraintSet]]


def reconstruct_layers(
    network: nn.Module,
    images: Tensor,
    constraints: Sequence[Constraint],
    config: AdmmConfig,
    *,
    sensitivity: Sensitivity | None = None,
    checkpoint: Checkpoint | None = None,
    progress: Progress | None = None,
) -> None:
    """Prune in place, each layer so that it answers what it answered in the dense network.

    In the order in which layers run, ADMM solves min ||X W - Y||^2 over the sparse weights W of a layer
    (``sparse_least_squares``): X is what the layer reads in the network whose earlier layers are pruned already, Y
    what it answers in the dense network. So a layer makes up for errors of the ones before, where ALPS
    (Meng et al., NeurIPS 2024) asks for X times the dense weights. Batch norms keep their statistics, and biases stay.

    Parameters
    ----------
    images : float32 (N, C, H, W)
        For calibration, as the network reads them; the first ``config.calibration_images`` are used.
    constraints : sequence of Constraint
        A set over several layers says by the projection of the dense weights how many each keeps.
    config : AdmmConfig
        ``iterations``, ``rho_first`` to ``rho_last`` and ``tolerance`` are those of every layer's ADMM, in units in
        which X^T X has a diagonal of ones.
    checkpoint : Checkpoint, optional
        Written after every layer, and resumed from.
    """
    sets = _layer_sets(network, constraints, sensitivity)
    images = images[: config.calibration_images]
    with torch_threads(config.threads), on_device(network, config.device), evaluation_mode(network):
        dense = copy.deepcopy(network)
        order = [name for name in running_order(network, images[:1]) if name in sets]
        done = _resume(network, checkpoint)
        for number, name in enumerate(order[done:], start=done + 1):
            error = _reconstruct(network, dense, name, sets[name], images, config)
            if checkpoint is not None:
                checkpoint.put(STAGE, {"network": network.state_dict(), "done": number})
            if progress is not None:
                progress(Update(STAGE, number, len(order), {"relative error": error}))


def _layer_wise(run: Session, constraints: Sequence[Constraint]) -> PruneResult:
    sensitivity = sensitivity_for(constraints, run.network, run.dataset.train)
    reconstruct_layers(
        run.network,
        run.dataset.train.images,
        constraints,
        run.config,
        sensitivity=sensitivity,
        checkpoint=run.checkpoint,
        progress=run.progress,
    )
    recalibrate(run)
    masks = nonzero_masks(run.network, [layer for constraint in constraints for layer in constraint.layers])
    records = run.train("retrain", run.config.retrain_epochs, fixed=FixedWeights.outside(run.network, masks))
    return PruneResult(masks, (), records)


prune_layer_wise = PruningMethod("layer-wise", _layer_wise)
"""``reconstruct_layers`` on training images, then ``config.retrain_epochs`` of masked retraining, which may be 0."""


def _layer_sets(network: nn.Module, constraints: Sequence[Constraint], sensitivity: Sensitivity | None) -> LayerSets:
    """By layer, the sets that its own weights must end in."""
    sets: dict[str, list[ConstraintSet]] = {}
    for constraint in constraints:
        if len(constraint.layers) == 1:
            sets.setdefault(constraint.name, []).append(constraint.target_at(1.0))
            continue
        pruned = copy.deepcopy(network)
        project_weights(pruned, [constraint], _of_copy(network, pruned, sensitivity))
        for layer, weight in zip(constraint.layers, constraint.weights(pruned), strict=True):
            sets.setdefault(layer, []).append(Cardinality(int(weight.count_nonzero())))
    return sets


def _of_copy(network: nn.Module, copied: nn.Module, sensitivity: Sensitivity | None) -> Sensitivity | None:
    """The sensitivity of a network's parameters as that of a copy's."""
    if sensitivity is None:
        return None
    pairs = zip(network.parameters(), copied.parameters(), strict=True)
    return {mine: sensitivity[given] for given, mine in pairs if given in sensitivity}


def _resume(network: nn.Module, checkpoint: Checkpoint | None) -> int:
    """Load what a checkpoint has; returns the number of layers that are done."""
    state: dict[str, Any] | None = None if checkpoint is None else checkpoint.get(STAGE)
    if state is None:
        return 0
    network.load_state_dict(state["network"])
    return int(state["done"])


@torch.no_grad()
def _reconstruct(
    network: nn.Module,
    dense: nn.Module,
    name: str,
    sets: Sequence[ConstraintSet],
    images: Tensor,
    config: AdmmConfig,
) -> float:
    """Prune one layer in place; returns the squared error of what it answers, relative to what it should."""
    layer = prunable_layers(network)[name]
    products = layer_products(network, dense, name, images)
    start = columns_of(layer, layer.weight).double()
    problem = LeastSquares(products.gram, products.cross, start)
    found = sparse_least_squares(problem, _projection(layer, sets), config)
    layer.weight.copy_(weight_of_columns(found, layer.weight.shape))
    return products.relative_error(found)


def _projection(layer: Prunable, sets: Sequence[ConstraintSet]) -> Callable[[Tensor], Tensor]:
    """Of columns (G, d, n) onto one set after the other."""

    def project(columns: Tensor) -> Tensor:
        weight = weight_of_columns(columns, layer.weight.shape)
        for target in sets:
            weight = target.project(weight)
        return columns_of(layer, weight)

    return project
