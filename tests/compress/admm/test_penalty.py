"""A W-step is the optimizer's own step on the augmented Lagrangian, whichever the optimizer and its settings."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from compress.admm.penalty import Penalty
from compress.admm.split_variables import Constraint, SplitVariable, parameter_groups
from compress.sets.constraints import Cardinality, Levels
from compress.train.settings import torch_threads

Optimizer = Callable[..., torch.optim.Optimizer]

OPTIMIZERS: dict[str, Optimizer] = {
    "SGD": torch.optim.SGD,
    "SGD with momentum": partial(torch.optim.SGD, momentum=0.9, nesterov=True),
    "SGD with decay": partial(torch.optim.SGD, momentum=0.9, weight_decay=0.03),
    "Adam": torch.optim.Adam,
    "fused Adam": partial(torch.optim.Adam, fused=True),
    "Adam with decay": partial(torch.optim.Adam, weight_decay=0.03),
    "Adam, decoupled": partial(torch.optim.Adam, weight_decay=0.03, decoupled_weight_decay=True),
    "AdamW": partial(torch.optim.AdamW, weight_decay=0.03),
    "AdamW without decay": partial(torch.optim.AdamW, weight_decay=0.0),
    "Adagrad": torch.optim.Adagrad,
    "Rprop, without a decay": torch.optim.Rprop,
}
BY_DECAY = {"SGD", "SGD with momentum", "Adam", "fused Adam"}
CONSTRAINTS = [
    Constraint(("4",), Cardinality(50)),
    Constraint(("0",), Levels(3, 0.1), penalty=3.0),
    Constraint(("0", "4"), Cardinality(60), penalty=0.5),
]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    with torch_threads():
        yield


def _network() -> nn.Module:
    """In float64, and with a frozen layer that no constraint names."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = nn.Sequential(
            nn.Conv2d(1, 3, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(27, 27), nn.Linear(27, 10)
        )
    network[3].requires_grad_(False)
    return network.double()


def _variables(network: nn.Module, seed: int) -> list[SplitVariable]:
    variables = [SplitVariable(network, constraint) for constraint in CONSTRAINTS]
    for number, variable in enumerate(variables):
        generator = torch.Generator().manual_seed(seed + number)
        variable.u = torch.randn(variable.z.shape, generator=generator, dtype=torch.float64) / 10
    return variables


def _lagrangian(network: nn.Module, variables: Sequence[SplitVariable], rho: float) -> Tensor:
    """The penalty of 003 eq. (5) as it is written."""
    total = torch.zeros((), dtype=torch.float64)
    for variable in variables:
        weights = [network.get_parameter(f"{layer}.weight") for layer in variable.constraint.layers]
        joined = weights[0] if len(weights) == 1 else torch.cat([weight.reshape(-1) for weight in weights])
        total = total + rho * variable.constraint.penalty / 2 * (joined - variable.z + variable.u).square().sum()
    return total


def _loss(network: nn.Module, step: int) -> Tensor:
    images = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
    outputs: Tensor = network(images)
    return outputs.square().mean()


def _by_penalty(network: nn.Module, make: Optimizer, seed: int, rhos: Sequence[float]) -> None:
    """Two steps at each rho, as ADMM takes them."""
    variables = _variables(network, seed)
    optimizer = make(parameter_groups(network, variables), lr=0.02)
    penalty = Penalty(variables, optimizer)
    for number, rho in enumerate(rhos):
        add = penalty.gradient(rho)
        for step in (2 * number, 2 * number + 1):
            optimizer.zero_grad()
            _loss(network, step).backward()
            add()
            optimizer.step()


def _by_autograd(network: nn.Module, make: Optimizer, seed: int, rhos: Sequence[float]) -> None:
    variables = _variables(network, seed)
    optimizer = make([p for p in network.parameters() if p.requires_grad], lr=0.02)
    for number, rho in enumerate(rhos):
        for step in (2 * number, 2 * number + 1):
            optimizer.zero_grad()
            (_loss(network, step) + _lagrangian(network, variables, rho)).backward()
            optimizer.step()


@pytest.mark.parametrize("name", OPTIMIZERS)
@given(seed=st.integers(0, 1000), rho=st.floats(1e-3, 10))
@settings(max_examples=5)
def test_steps_are_those_on_the_augmented_lagrangian(name: str, seed: int, rho: float) -> None:
    network, expected = _network(), _network()
    _by_penalty(network, OPTIMIZERS[name], seed, (rho, 1.5 * rho))
    _by_autograd(expected, OPTIMIZERS[name], seed, (rho, 1.5 * rho))
    for parameter, wanted in zip(network.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(parameter, wanted, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_decay_of_the_optimizers_own_stays(name: str) -> None:
    network = _network()
    variables = _variables(network, 0)
    optimizer = OPTIMIZERS[name](parameter_groups(network, variables), lr=0.02)
    before = [group.get("weight_decay", 0.0) for group in optimizer.param_groups]
    Penalty(variables, optimizer).gradient(0.7)
    after = [group.get("weight_decay", 0.0) for group in optimizer.param_groups]
    penalties = [0.7 * group["penalty"] for group in optimizer.param_groups]
    assert after == (penalties if name in BY_DECAY else before)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_loaded_optimizer_goes_on_as_it_would_have(name: str) -> None:
    """A checkpoint holds the weight decay that the penalty wrote; it must not be taken for the user's."""
    network = _network()
    variables = _variables(network, 0)
    optimizer = OPTIMIZERS[name](parameter_groups(network, variables), lr=0.02)
    Penalty(variables, optimizer).gradient(0.7)
    state = copy.deepcopy(optimizer.state_dict())
    again = OPTIMIZERS[name](parameter_groups(network, variables), lr=0.02)
    penalty = Penalty(variables, again)
    again.load_state_dict(state)
    for rho in (0.7, 1.4):
        penalty.gradient(rho)
        if name in BY_DECAY:
            assert [group["weight_decay"] for group in again.param_groups] == [
                rho * group["penalty"] for group in again.param_groups
            ]
    assert again.param_groups[0].keys() == optimizer.param_groups[0].keys()


def test_frozen_weights_get_no_gradient() -> None:
    network = _network()
    network.get_parameter("4.weight").requires_grad_(False)
    variables = _variables(network, 0)
    optimizer = torch.optim.SGD(parameter_groups(network, variables), lr=0.1)
    Penalty(variables, optimizer).gradient(0.7)()
    assert network.get_parameter("4.weight").grad is None
    assert network.get_parameter("0.weight").grad is not None
