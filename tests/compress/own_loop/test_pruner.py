from __future__ import annotations

import copy
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.admm.iteration import AdmmConfig, admm
from compress.admm.split_variables import Constraint, SplitVariable
from compress.base.errors import CodesignError
from compress.data.datasets import Dataset
from compress.lowering.integerize import integerize
from compress.methods.target import Target
from compress.networks.fold import fold_batch_norms
from compress.networks.layers import prunable_layers
from compress.networks.registry import build_network
from compress.own_loop.pruner import Pruner
from compress.sets.balance import InputPattern
from compress.sets.centroids import Clusters
from compress.sets.constraints import Cardinality, Levels
from compress.train.epoch import train_epoch as own_epoch
from compress.train.settings import adam, falling_rate, seeded, set_rate, torch_threads
from tests.compress.own_loop.loops import OPTIMIZERS, Make, batches, branching_network, train_epoch, weights

TENTH = Target(ratio=10)
"""Of every layer."""


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    with torch_threads():
        yield


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


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_prunes_a_network_that_branches(name: str) -> None:
    network = branching_network()
    before = weights(network)
    _, masks = run(network, OPTIMIZERS[name])
    for layer, module in prunable_layers(network).items():
        assert int(masks[layer].sum()) == int((module.weight != 0).sum()) == round(module.weight.numel() / 10)
        assert not torch.equal(module.weight[masks[layer]], before[f"{layer}.weight"][masks[layer]])


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


@pytest.mark.parametrize("stop", [1, 3, 4, 6, 9, 11])
@pytest.mark.parametrize("pruned_before", [False, True])
def test_a_resumed_run_ends_bit_for_bit_as_another(stop: int, pruned_before: bool) -> None:
    """Stopped after any step: in an epoch, between two, in retraining."""
    start = branching_network()
    if pruned_before:
        run(start, OPTIMIZERS["Adam"])
    target = Target(weight_bits={"*": 3}) if pruned_before else TENTH
    settings = {"iterations": 2, "saliency": 0.0 if pruned_before else 0.5}

    def made(network: nn.Module) -> tuple[torch.optim.Optimizer, Pruner]:
        optimizer = OPTIMIZERS["SGD, momentum and decay"](network.parameters())
        return optimizer, Pruner(network, optimizer, target, **settings)  # type: ignore[arg-type]

    def advance(network: nn.Module, optimizer: torch.optim.Optimizer, pruner: Pruner, first: int, last: int) -> None:
        for step in range(first, last):
            train_epoch(network, optimizer, batches(1, seed=step))
            if step in (2, 5):
                pruner.end_epoch()
            if step == 5:
                pruner.project(0.5)
            if step == 8:
                pruner.project()

    whole = copy.deepcopy(start)
    advance(whole, *made(whole), 0, 12)
    stopped = copy.deepcopy(start)
    optimizer, pruner = made(stopped)
    advance(stopped, optimizer, pruner, 0, stop)
    file = io.BytesIO()
    torch.save(
        {"model": stopped.state_dict(), "optimizer": optimizer.state_dict(), "pruner": pruner.state_dict()}, file
    )
    file.seek(0)
    state = torch.load(file, weights_only=True)
    resumed = branching_network(9)
    if pruned_before:
        run(resumed, OPTIMIZERS["Adam"])
    optimizer, pruner = made(resumed)
    pruner.load_state_dict(state["pruner"])
    resumed.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    advance(resumed, optimizer, pruner, stop, 12)
    assert all(torch.equal(value, whole.state_dict()[name]) for name, value in resumed.state_dict().items())


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


def test_an_epoch_without_a_step_is_told() -> None:
    network = branching_network()
    pruner = Pruner(network, OPTIMIZERS["SGD"](network.parameters()), TENTH)
    train_epoch(network, OPTIMIZERS["SGD"](network.parameters()), batches())
    with pytest.raises(CodesignError, match="without a step of the pruner's optimizer"):
        pruner.end_epoch()


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


def test_a_removed_pruner_holds_nothing() -> None:
    network = branching_network()
    optimizer = OPTIMIZERS["SGD, momentum and decay"](network.parameters())
    pruner = Pruner(network, optimizer, TENTH)
    masks = pruner.project()
    pruner.remove()
    train_epoch(network, optimizer, batches())
    assert all(bool(layer.weight[~masks[name]].any()) for name, layer in prunable_layers(network).items())


def test_after_the_projection_an_epoch_has_no_residuals() -> None:
    network = branching_network()
    pruner, _ = run(network, OPTIMIZERS["SGD"])
    assert pruner.end_epoch() == ()
    assert pruner.rho == 0


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
