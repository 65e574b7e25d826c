from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from compress.admm.split_variables import Constraint
from compress.base.errors import CodesignError
from compress.methods.target import Step, Target
from compress.own_loop.networks import network_inside
from compress.own_loop.pruner import Pruner
from compress.sets.balance import InputPattern
from compress.sets.constraints import Cardinality
from tests.compress.own_loop.loops import TENTH, batches, branching_network, train_epoch


def sgd(network: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
        self.second.weight = self.first.weight


@pytest.mark.parametrize(
    ("network", "told"),
    [
        (Tied(), "share their values"),
        (nn.Sequential(parametrizations.weight_norm(nn.Linear(4, 4))), "computed by a parametrization"),
        (nn.Sequential(prune.l1_unstructured(nn.Linear(4, 4), "weight", 0.5)), "computed by torch.nn.utils.prune"),
        (nn.Sequential(nn.LazyLinear(4)), "lazy"),
        (nn.Sequential(nn.Linear(4, 4)).bfloat16(), "not float32"),
        (torch.optim.swa_utils.AveragedModel(nn.Sequential(nn.Linear(4, 4))), "AveragedModel"),
        (nn.Sequential(nn.BatchNorm2d(4)), "no Conv2d or Linear"),
        (nn.Linear, "not a torch.nn.Module"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_treated_is_refused(network: Any, told: str) -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    with pytest.raises(CodesignError, match=told):
        Pruner(network, optimizer, TENTH)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (Target(), "nothing says how many weights stay"),
        (Target(alphas={"*": 1.0}), "keeps every weight"),
        (Target(alphas={"conv9": 0.5}), "no prunable layer 'conv9'"),
        (Target(weight_bits={"conv9": 4}), "no prunable layer 'conv9'"),
        (Target(ratio=4, scope="everywhere"), "everywhere"),
        (Target(ratio=4, pattern="2:4"), "has no pattern"),
        (Target(steps=(Step(ratio=4),)), "takes no steps"),
        ([Constraint(("nowhere",), Cardinality(3))], "no layer with weights"),
        ([Constraint(("0", "4"), InputPattern(1, 2))], "constrain one layer"),
    ],
)
def test_a_target_that_does_not_fit_is_told_at_once(target: Target | list[Constraint], told: str) -> None:
    network = branching_network()
    with pytest.raises(CodesignError, match=told):
        Pruner(network, sgd(network), target)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"iterations": 0}, "iterations = 0"),
        ({"rho_first": -1.0}, "rho_first = -1.0"),
        ({"rho_last": "much"}, "rho_last"),
        ({"sparsity_rise": 0.5}, "schedule 'falling'"),
        ({"saliency": -0.5}, "saliency"),
    ],
)
def test_a_setting_out_of_range_is_told(settings: dict[str, Any], told: str) -> None:
    network = branching_network()
    with pytest.raises(CodesignError, match=told):
        Pruner(network, sgd(network), TENTH, **settings)


@pytest.mark.parametrize("target", [{"*": 0.1}, [], ["conv1"], None, 0.1])
def test_a_target_that_is_none_is_told(target: Any) -> None:
    network = branching_network()
    with pytest.raises(CodesignError, match="not a Target or a list of Constraints"):
        Pruner(network, sgd(network), target)


@pytest.mark.parametrize("optimizer", [None, [], "SGD", [nn.Linear(2, 2)]])
def test_an_optimizer_that_is_none_is_told(optimizer: Any) -> None:
    with pytest.raises(CodesignError, match=r"not a torch\.optim\.Optimizer"):
        Pruner(branching_network(), optimizer, TENTH)


def test_weights_that_no_optimizer_trains_are_told() -> None:
    network = branching_network()
    with pytest.raises(CodesignError, match=r"'4' is constrained, and its weight is in no optimizer"):
        Pruner(network, torch.optim.SGD(list(network.parameters())[:4], lr=0.1), Target(alphas={"4": 0.5}))
    network.get_submodule("4").requires_grad_(False)
    with pytest.raises(CodesignError, match="frozen"):
        Pruner(network, sgd(network), Target(alphas={"4": 0.5}))
    Pruner(network, sgd(network), Target(alphas={"0": 0.5}))


@pytest.mark.parametrize("wrap", [nn.DataParallel, lambda network: torch.compile(network, backend="eager")])
def test_layers_of_a_wrapped_network_have_their_own_names(wrap: Callable[[nn.Module], nn.Module]) -> None:
    network = branching_network()
    wrapped = wrap(network)
    assert network_inside(wrapped) is network
    optimizer = sgd(wrapped)
    pruner = Pruner(wrapped, optimizer, Target(alphas={"2.*": 0.25}))
    train_epoch(network, optimizer, batches())
    assert [residual.constraint for residual in pruner.end_epoch()] == ["2.conv1", "2.conv2"]


def test_hooks_and_forwards_of_the_loops_own_are_no_matter() -> None:
    network = branching_network()
    network.get_submodule("0").register_forward_hook(lambda *_: None)
    Pruner(network, sgd(network), TENTH)
