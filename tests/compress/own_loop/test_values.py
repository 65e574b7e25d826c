"""Weights put on levels or clusters in a loop of the user's."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from compress.admm.split_variables import Constraint
from compress.base.errors import CodesignError
from compress.data.datasets import Dataset
from compress.lowering.integerize import integerize
from compress.methods.target import Target
from compress.own_loop.pruner import Pruner
from compress.sets.centroids import Clusters
from compress.sets.constraints import Levels
from tests.compress.own_loop.loops import OPTIMIZERS, TENTH, batches, branching_network, train_epoch, weights
from tests.compress.own_loop.runs import run


@pytest.mark.parametrize("kind", ["levels", "clusters"])
def test_values_of_pruned_networks_are_put_on_portion_by_portion(kind: str) -> None:
    network = branching_network()
    first, masks = run(network, OPTIMIZERS["Adam"])
    first.remove()
    optimizer = OPTIMIZERS["Adam"](network.parameters())
    target: Target | list[Constraint] = Target(weight_bits={"*": 3})
    if kind == "clusters":
        target = [Constraint((name,), Clusters(2)) for name in masks]
    second = Pruner(network, optimizer, target, iterations=2)
    for epoch in range(2):
        train_epoch(network, optimizer, batches(seed=epoch))
        assert {residual.constraint for residual in second.end_epoch()} == set(masks)
    held: dict[str, Tensor] = {}
    for portion in (0.5, 1.0):
        assert all(torch.equal(mask, masks[name]) for name, mask in second.project(portion).items())
        now = weights(network)
        train_epoch(network, optimizer, batches(seed=7))
        for name, mask in masks.items():
            weight = network.get_parameter(f"{name}.weight").detach()
            stayed = (weight == now[f"{name}.weight"]) & mask
            assert int(stayed.sum()) >= round(portion * int(mask.sum()))
            assert not weight[~mask].any()
            assert not (held.get(name, stayed) & ~stayed).any()
            held[name] = stayed
    assert all(len(network.get_parameter(f"{name}.weight").unique()) <= 9 for name in masks)


def test_levels_of_an_own_loop_become_an_integer_model(small_network: nn.Module, small_data: Dataset) -> None:
    optimizer = OPTIMIZERS["Adam"](small_network.parameters())
    joint = Pruner(small_network, optimizer, Target(ratio=4, weight_bits={"*": 4}), iterations=1)
    with pytest.raises(CodesignError, match="not on their levels"):
        joint.quantized()
    train_epoch(small_network, optimizer, batches())
    joint.end_epoch()
    masks = joint.project()
    model = integerize(small_network, joint.quantized(), small_data.validation, (1, 8, 8))
    for layer in model.layers:
        assert layer.nonzeros <= int(masks[layer.name].sum()) <= round(layer.weights / 4)
        levels = small_network.get_parameter(f"{layer.name}.weight").detach() / layer.interval
        assert (levels - levels.round()).abs().max() < 1e-3
        stored, trained = (Counter(part[part != 0].tolist()) for part in (layer.levels, levels.round().int()))
        assert stored <= trained  # less those that read channels without weights
    pruned = Pruner(small_network, optimizer, TENTH)
    with pytest.raises(CodesignError, match="has no levels"):
        pruned.quantized()


@pytest.mark.parametrize("portion", [0.0, -1.0, 1.5, float("nan")])
def test_a_portion_that_is_none_is_refused(portion: float) -> None:
    network = branching_network()
    pruner = Pruner(network, OPTIMIZERS["SGD"](network.parameters()), Target(weight_bits={"*": 4}))
    with pytest.raises(CodesignError, match="portion"):
        pruner.project(portion)


def test_a_mask_of_levels_is_applied_from_the_start() -> None:
    network = branching_network()
    mask = torch.rand(4, 1, 3, 3, generator=torch.Generator().manual_seed(0)) < 0.5
    constraint = Constraint(("0",), Levels(4, 0.05, mask))
    _, masks = run(network, OPTIMIZERS["Adam"], [constraint], retraining=0)
    assert torch.equal(masks["0"], mask)
    assert replace(constraint, penalty=2.0).name == "0"
