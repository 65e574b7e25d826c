from __future__ import annotations

import pytest
import torch

from compress.admm.split_variables import Constraint
from compress.base.errors import CodesignError
from compress.methods.target import Target
from compress.networks.fold import fold_batch_norms
from compress.networks.layers import prunable_layers
from compress.networks.registry import build_network
from compress.own_loop.pruner import Pruner
from compress.sets.balance import InputPattern
from compress.sets.constraints import Cardinality
from tests.compress.own_loop.loops import OPTIMIZERS, TENTH, batches, branching_network, train_epoch, weights
from tests.compress.own_loop.runs import run


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_prunes_a_network_that_branches(name: str) -> None:
    network = branching_network()
    before = weights(network)
    _, masks = run(network, OPTIMIZERS[name])
    for layer, module in prunable_layers(network).items():
        assert int(masks[layer].sum()) == int((module.weight != 0).sum()) == round(module.weight.numel() / 10)
        assert not torch.equal(module.weight[masks[layer]], before[f"{layer}.weight"][masks[layer]])


@pytest.mark.parametrize(
    "target",
    [
        TENTH,
        Target(ratio=10, scope="network"),
        Target(ratio=4, scope="row-balanced"),
        Target(alphas={"2.*": 0.2}, schedule="falling"),
        Target(scope="n:m", pattern="1:4"),
        [Constraint(("2.conv1",), InputPattern(1, 2)), Constraint(("0", "4"), Cardinality(30))],
    ],
    ids=repr,
)
def test_targets_are_met_and_held(target: Target | list[Constraint]) -> None:
    network = branching_network()
    pruner, masks = run(network, OPTIMIZERS["SGD, momentum and decay"], target)
    for constraint in (variable.constraint for variable in pruner._variables):
        joined = constraint.weights(network)
        flat = joined[0] if len(joined) == 1 else torch.cat([weight.reshape(-1) for weight in joined])
        assert torch.equal(constraint.target_at(1.0).project(flat), flat)
    assert all(bool(mask.all()) for name, mask in masks.items() if name not in str(pruner.state_dict()["constraints"]))


def test_saliency_follows_the_gradients_of_the_loop() -> None:
    by_magnitude, by_saliency = branching_network(), branching_network()
    _, plain = run(by_magnitude, OPTIMIZERS["Adam"], retraining=0)
    _, salient = run(by_saliency, OPTIMIZERS["Adam"], retraining=0, saliency=1.0)
    assert {name: int(mask.sum()) for name, mask in plain.items()} == {
        name: int(mask.sum()) for name, mask in salient.items()
    }
    assert any(not torch.equal(plain[name], salient[name]) for name in plain)


@pytest.mark.parametrize("name", ["resnet8", "resnet20"])
def test_residual_networks_of_the_registry_are_pruned_and_folded(name: str) -> None:
    network = build_network(name, seed=0)
    optimizer = OPTIMIZERS["SGD, momentum and decay"](network.parameters())
    pruner = Pruner(network, optimizer, Target(ratio=10, scope="network"), iterations=1)
    generator = torch.Generator().manual_seed(0)
    data = [(torch.rand(2, 3, 32, 32, generator=generator), torch.tensor([0, 1]))]
    train_epoch(network, optimizer, data)
    (residual,) = pruner.end_epoch()
    assert residual.constraint.count("+") == len(prunable_layers(network)) - 1
    masks = pruner.project()
    train_epoch(network, optimizer, data)
    for layer, module in prunable_layers(fold_batch_norms(network, (3, 32, 32))).items():
        assert not module.weight[~masks[layer]].any()


def test_an_epoch_without_a_step_is_told() -> None:
    network = branching_network()
    pruner = Pruner(network, OPTIMIZERS["SGD"](network.parameters()), TENTH)
    train_epoch(network, OPTIMIZERS["SGD"](network.parameters()), batches())
    with pytest.raises(CodesignError, match="without a step of the pruner's optimizer"):
        pruner.end_epoch()


def test_after_the_projection_an_epoch_has_no_residuals() -> None:
    network = branching_network()
    pruner, _ = run(network, OPTIMIZERS["SGD"])
    assert pruner.end_epoch() == ()
    assert pruner.rho == 0


def test_a_removed_pruner_holds_nothing() -> None:
    network = branching_network()
    optimizer = OPTIMIZERS["SGD, momentum and decay"](network.parameters())
    pruner = Pruner(network, optimizer, TENTH)
    masks = pruner.project()
    pruner.remove()
    train_epoch(network, optimizer, batches())
    assert all(bool(layer.weight[~masks[name]].any()) for name, layer in prunable_layers(network).items())
