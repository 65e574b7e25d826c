"""A Pruner's steps are those of ADMM by its definition."""

from __future__ import annotations

import copy
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional

from compress.admm.iteration import AdmmConfig, admm
from compress.admm.split_variables import Constraint, SplitVariable
from compress.data.datasets import Dataset
from compress.own_loop.pruner import Pruner
from compress.sets.constraints import Cardinality
from compress.train.epoch import train_epoch as own_epoch
from compress.train.settings import adam, falling_rate, seeded, set_rate
from tests.compress.own_loop.loops import OPTIMIZERS, Make, batches, branching_network, train_epoch


@pytest.mark.parametrize(
    "make",
    [OPTIMIZERS["SGD, momentum and decay"], partial(torch.optim.AdamW, lr=0.01, weight_decay=0.05, eps=1e-2)],
    ids=["SGD", "AdamW"],
)
def test_each_step_is_one_on_the_augmented_lagrangian(make: Make) -> None:
    """With Z and U by the definition, and the penalty's gradient by autograd."""
    network, expected = branching_network(), branching_network()
    optimizer, wanted = make(network.parameters()), make(expected.parameters())
    constraints = [Constraint(("0",), Cardinality(9), 2.0), Constraint(("2.conv1", "4"), Cardinality(60))]
    pruner = Pruner(network, optimizer, constraints, iterations=3, rho_first=0.1, rho_last=0.9)
    variables = [SplitVariable(expected, constraint) for constraint in constraints]
    for epoch, rho in enumerate((0.1, 0.3, 0.9)):
        train_epoch(network, optimizer, batches(seed=epoch))
        for images, labels in batches(seed=epoch):
            wanted.zero_grad()
            penalty = torch.zeros(())
            for variable in variables:
                for parameter, target in variable.targets():
                    penalty = penalty + rho * variable.constraint.penalty / 2 * (parameter - target).square().sum()
            (functional.cross_entropy(expected(images), labels) + penalty).backward()
            wanted.step()
        assert pruner.rho == pytest.approx(rho)
        residuals = pruner.end_epoch()
        for found, variable in zip(residuals, variables, strict=True):
            right = variable.update(1.0)
            assert found.constraint == right.constraint
            assert found.primal == pytest.approx(right.primal, rel=1e-3)
            variable.u /= 3
    for found_weight, right_weight in zip(network.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(found_weight, right_weight, rtol=1e-4, atol=1e-5)


def test_the_loop_of_this_package_could_be_the_users(small_data: Dataset, small_network: nn.Module) -> None:
    """The same batches, rates and constraints end as ``admm`` does, up to where the weight decay rounds."""
    config = AdmmConfig(iterations=4, rho_first=0.05, rho_last=0.5, tolerance=0.0, augment_shift=0)
    constraints = [Constraint(("0",), Cardinality(9)), Constraint(("4",), Cardinality(50))]
    users = copy.deepcopy(small_network)
    steps = admm(small_network, small_data, constraints, config)
    optimizer = adam(users.parameters(), config.learning_rate)
    pruner = Pruner(users, optimizer, constraints, iterations=4, rho_first=0.05, rho_last=0.5)
    with seeded(config.seed):
        for epoch in range(4):
            set_rate(optimizer, falling_rate(config.learning_rate, epoch, 4))
            own_epoch(users, small_data.train, optimizer, config.batch_size)
            residuals = pruner.end_epoch()
            for found, right in zip(residuals, steps[epoch].residuals, strict=True):
                assert found.primal == pytest.approx(right.primal, rel=1e-2)
    for found_weight, right_weight in zip(users.parameters(), small_network.parameters(), strict=True):
        torch.testing.assert_close(found_weight, right_weight, rtol=1e-3, atol=1e-4)
