"""A whole run of a Pruner: epochs of ADMM, projection, retraining."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from compress.admm.split_variables import Constraint
from compress.methods.target import Target
from compress.own_loop.pruner import Pruner
from tests.compress.own_loop.loops import TENTH, Make, batches, train_epoch


def run(
    network: nn.Module,
    make: Make,
    target: Target | Sequence[Constraint] = TENTH,
    epochs: int = 3,
    retraining: int = 2,
    **settings: float,
) -> tuple[Pruner, dict[str, Tensor]]:
    optimizer = make(network.parameters())
    pruner = Pruner(network, optimizer, target, iterations=epochs, **settings)
    for epoch in range(epochs):
        train_epoch(network, optimizer, batches(seed=epoch))
        pruner.end_epoch()
    masks = pruner.project()
    for epoch in range(retraining):
        train_epoch(network, optimizer, batches(seed=100 + epoch))
        _check_held(network, optimizer, masks)
    return pruner, masks


def _check_held(network: nn.Module, optimizer: torch.optim.Optimizer, masks: dict[str, Tensor]) -> None:
    for name, mask in masks.items():
        weight = network.get_parameter(f"{name}.weight")
        assert not weight[~mask].any()
        assert weight.grad is not None
        assert not weight.grad[~mask].any()
        for key in ("momentum_buffer", "exp_avg"):
            if isinstance(momentum := optimizer.state[weight].get(key), Tensor):
                assert not momentum[~mask].any()
                assert momentum[mask].any()
