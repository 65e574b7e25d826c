"""What a Pruner keeps between steps: Z and U, and a state that resumes bit for bit."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from compress.base.errors import CodesignError
from compress.methods.target import Target
from compress.own_loop.pruner import Pruner
from tests.compress.own_loop.loops import OPTIMIZERS, TENTH, batches, branching_network, train_epoch
from tests.compress.own_loop.runs import run


def test_z_starts_from_the_weights_of_the_first_step() -> None:
    """They may be loaded, or shared by DistributedDataParallel, after the Pruner was made."""
    first, second = branching_network(1), branching_network(2)
    results = []
    for network in (first, second):
        optimizer = OPTIMIZERS["SGD"](network.parameters())
        pruner = Pruner(network, optimizer, TENTH, iterations=2)
        network.load_state_dict(branching_network(3).state_dict())
        train_epoch(network, optimizer, batches())
        pruner.end_epoch()
        results.append(pruner.state_dict())
    assert all(torch.equal(*pair) for pair in zip(results[0]["z"], results[1]["z"], strict=True))
    assert all(torch.equal(*pair) for pair in zip(results[0]["u"], results[1]["u"], strict=True))


Run = tuple[nn.Module, torch.optim.Optimizer, Pruner]


def begun(network: nn.Module, pruned_before: bool) -> Run:
    """A run of 12 steps, which quantizes a network that was pruned before, or prunes it."""
    target = Target(weight_bits={"*": 3}) if pruned_before else TENTH
    optimizer = OPTIMIZERS["SGD, momentum and decay"](network.parameters())
    saliency = 0.0 if pruned_before else 0.5
    return network, optimizer, Pruner(network, optimizer, target, iterations=2, saliency=saliency)


def advance(made: Run, first: int, last: int) -> None:
    """Two epochs of three steps, two projections, and steps of retraining after each."""
    network, optimizer, pruner = made
    for step in range(first, last):
        train_epoch(network, optimizer, batches(1, seed=step))
        if step in (2, 5):
            pruner.end_epoch()
        if step == 5:
            pruner.project(0.5)
        if step == 8:
            pruner.project()


def through_a_file(made: Run) -> dict[str, Any]:
    """State dicts of network, optimizer and pruner, saved and loaded."""
    file = io.BytesIO()
    torch.save([part.state_dict() for part in made], file)
    file.seek(0)
    names = ("network", "optimizer", "pruner")
    return dict(zip(names, torch.load(file, weights_only=True), strict=True))


@pytest.mark.parametrize("stop", [1, 3, 4, 6, 9, 11])
@pytest.mark.parametrize("pruned_before", [False, True])
def test_a_resumed_run_ends_bit_for_bit_as_another(stop: int, pruned_before: bool) -> None:
    """Stopped after any step: in an epoch, between two, in retraining."""
    start, other = branching_network(), branching_network(9)
    if pruned_before:
        run(start, OPTIMIZERS["Adam"])
        run(other, OPTIMIZERS["Adam"])
    whole, stopped = (begun(copy.deepcopy(start), pruned_before) for _ in range(2))
    advance(whole, 0, 12)
    advance(stopped, 0, stop)
    state = through_a_file(stopped)
    network, optimizer, pruner = resumed = begun(other, pruned_before)
    pruner.load_state_dict(state["pruner"])
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    advance(resumed, stop, 12)
    assert all(torch.equal(value, whole[0].state_dict()[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: state.pop("z"),
        lambda state: state.update(constraints=["0"]),
        lambda state: state.update(z=[z[:1] for z in state["z"]]),
        lambda state: state.update(held={"nowhere": {}}),
        lambda state: state.clear(),
    ],
)
def test_a_state_that_does_not_fit_is_refused(spoil: Callable[[dict[str, object]], object]) -> None:
    network = branching_network()
    optimizer = OPTIMIZERS["SGD"](network.parameters())
    state = Pruner(network, optimizer, TENTH).state_dict()
    spoil(state)
    with pytest.raises(CodesignError, match="does not fit this Pruner"):
        Pruner(network, optimizer, TENTH).load_state_dict(state)
