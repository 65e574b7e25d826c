"""What stands between a loop's gradients and the optimizer's step: loss scales, clipping, accumulation, closures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional

from compress.networks.layers import prunable_layers
from compress.own_loop.pruner import Pruner
from tests.compress.own_loop.loops import OPTIMIZERS, TENTH, Make, batches, branching_network, train_epoch

SGD = partial(torch.optim.SGD, lr=0.05, momentum=0.9)
SCALABLE: dict[str, Make] = {
    "SGD": SGD,
    "fused SGD": partial(torch.optim.SGD, lr=0.05, momentum=0.9, fused=True),
    "AdamW": partial(torch.optim.AdamW, lr=0.01, eps=1e-2),
    "fused Adam": partial(torch.optim.Adam, lr=0.01, eps=1e-2, fused=True),
}
Epoch = Callable[[nn.Module, torch.optim.Optimizer, int], None]


def plain(network: nn.Module, optimizer: torch.optim.Optimizer, epoch: int) -> None:
    train_epoch(network, optimizer, batches(seed=epoch))


def pruned_by(make: Make, epoch_of: Epoch, **settings: float) -> nn.Module:
    network = branching_network()
    optimizer = make(network.parameters())
    pruner = Pruner(network, optimizer, TENTH, iterations=2, rho_first=0.1, **settings)
    for epoch in range(4):
        if epoch == 2:
            masks = pruner.project()
        epoch_of(network, optimizer, epoch)
        pruner.end_epoch()
    for name, layer in prunable_layers(network).items():
        assert not layer.weight[~masks[name]].any()
    return network


def assert_same(found: nn.Module, expected: nn.Module) -> None:
    for name, value in found.state_dict().items():
        torch.testing.assert_close(value, expected.state_dict()[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("unscaled", [False, True])
@pytest.mark.parametrize("saliency", [0.0, 1.0])
@pytest.mark.parametrize("name", SCALABLE)
def test_a_loss_scale_changes_nothing(name: str, saliency: float, unscaled: bool) -> None:
    """Whether the scaler divides, the loop asks it to before it clips, or a fused step does."""

    def scaled(network: nn.Module, optimizer: torch.optim.Optimizer, epoch: int) -> None:
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
        for images, labels in batches(seed=epoch):
            optimizer.zero_grad()
            scaler.scale(functional.cross_entropy(network(images), labels)).backward()
            if unscaled:
                scaler.unscale_(optimizer)
            scaler.step(optimizer)
            scaler.update()

    assert_same(
        pruned_by(SCALABLE[name], scaled, saliency=saliency), pruned_by(SCALABLE[name], plain, saliency=saliency)
    )


@pytest.mark.parametrize("name", SCALABLE)
def test_a_step_that_overflows_is_skipped(name: str) -> None:
    def overflowing(network: nn.Module, optimizer: torch.optim.Optimizer, epoch: int) -> None:
        plain(network, optimizer, epoch)
        scaler = torch.amp.GradScaler("cpu")
        optimizer.zero_grad()
        loss = functional.cross_entropy(network.eval()(torch.ones(1, 1, 8, 8)), torch.zeros(1, dtype=torch.int64))
        scaler.scale(loss * math.inf).backward()
        scaler.step(optimizer)
        scaler.update()

    assert_same(pruned_by(SCALABLE[name], overflowing, saliency=0.5), pruned_by(SCALABLE[name], plain, saliency=0.5))


def test_autocast_to_bfloat16_prunes_float32_weights() -> None:
    def autocast(network: nn.Module, optimizer: torch.optim.Optimizer, epoch: int) -> None:
        for images, labels in batches(seed=epoch):
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16):
                outputs = network(images)
            assert outputs.dtype == torch.bfloat16
            functional.cross_entropy(outputs.float(), labels).backward()
            optimizer.step()

    for layer in prunable_layers(pruned_by(SGD, autocast)).values():
        assert layer.weight.dtype == torch.float32
        assert int((layer.weight != 0).sum()) == round(layer.weight.numel() / 10)


def test_accumulated_gradients_get_the_penalty_once() -> None:
    """Parts of a batch; without batch statistics, which see the parts alone."""

    def in_parts(network: nn.Module, optimizer: torch.optim.Optimizer, epoch: int) -> None:
        network.eval()
        for images, labels in batches(seed=epoch):
            optimizer.zero_grad()
            for part, wanted in zip(images.split(4), labels.split(4), strict=True):
                (functional.cross_entropy(network(part), wanted) / 4).backward()
            optimizer.step()

    def at_once(network: nn.Module, optimizer: torch.optim.Optimizer, epoch: int) -> None:
        network.eval()
        for images, labels in batches(seed=epoch):
            optimizer.zero_grad()
            functional.cross_entropy(network(images), labels).backward()
            optimizer.step()

    assert_same(pruned_by(SGD, in_parts), pruned_by(SGD, at_once))


def test_clipping_limits_the_loops_gradient_and_not_the_penalty() -> None:
    """Gradients clipped to nothing: the weights move to the penalty's minimum alone."""
    network = branching_network()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.5)
    pruner = Pruner(network, optimizer, TENTH, iterations=1, rho_first=1.0)
    for images, labels in batches(40):
        optimizer.zero_grad()
        functional.cross_entropy(network(images), labels).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1e-12)
        optimizer.step()
    assert all(residual.relative_primal < 1e-10 for residual in pruner.end_epoch())


@pytest.mark.parametrize("make", [SGD, partial(torch.optim.AdamW, lr=0.01, eps=1e-2)], ids=["SGD", "AdamW"])
@pytest.mark.parametrize("by_name", [False, True])
def test_a_closure_is_given_the_penalty(make: Make, by_name: bool) -> None:
    def closed(network: nn.Module, optimizer: torch.optim.Optimizer, epoch: int) -> None:
        network.train()
        for images, labels in batches(seed=epoch):

            def closure(images: torch.Tensor = images, labels: torch.Tensor = labels) -> float:
                optimizer.zero_grad()
                loss = functional.cross_entropy(network(images), labels)
                loss.backward()
                return loss.item()

            if by_name:
                optimizer.step(closure=closure)
            else:
                optimizer.step(closure)

    assert_same(pruned_by(make, closed), pruned_by(make, plain))


def test_a_line_search_descends_on_the_augmented_lagrangian() -> None:
    network = branching_network().eval()
    optimizer = torch.optim.LBFGS(network.parameters(), line_search_fn="strong_wolfe", max_iter=10)
    pruner = Pruner(network, optimizer, TENTH, iterations=3, rho_first=0.1, rho_last=0.1)
    ((images, labels),) = batches(1)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = functional.cross_entropy(network(images), labels)
        loss.backward()
        return loss

    for _ in range(3):
        first = closure().item() + pruner._penalty_value()
        returned = optimizer.step(closure).item()
        assert returned == pytest.approx(first, rel=1e-5)
        assert closure().item() + pruner._penalty_value() < returned
        pruner.end_epoch()
    masks = pruner.project()
    optimizer.step(closure)
    assert all(not layer.weight[~masks[name]].any() for name, layer in prunable_layers(network).items())


def step_all(network: nn.Module, optimizers: Sequence[torch.optim.Optimizer], epoch: int) -> None:
    """The loop of optimizers that share the weights."""
    network.train()
    for images, labels in batches(seed=epoch):
        network.zero_grad()
        functional.cross_entropy(network(images), labels).backward()
        for optimizer in optimizers:
            optimizer.step()


def test_two_optimizers_may_share_the_weights() -> None:
    one = pruned_by(SGD, plain, saliency=0.5)
    network = branching_network()
    parameters = list(network.parameters())
    optimizers = [SGD(parameters[:3]), SGD(parameters[3:])]
    pruner = Pruner(network, optimizers, TENTH, iterations=2, rho_first=0.1, saliency=0.5)
    for epoch in range(4):
        if epoch == 2:
            pruner.project()
        step_all(network, optimizers, epoch)
        pruner.end_epoch()
    assert_same(network, one)


def test_an_optimizer_that_mixes_weights_does_not_move_pruned_ones() -> None:
    """Muon makes its step orthogonal, so a gradient of zero is no step of zero."""
    network = branching_network()
    matrix = network.get_parameter("4.weight")
    others = [parameter for parameter in network.parameters() if parameter is not matrix]
    optimizers = [torch.optim.Muon([matrix], lr=0.01), SGD(others)]
    pruner = Pruner(network, optimizers, TENTH, iterations=2)
    for epoch in range(4):
        if epoch == 2:
            masks = pruner.project()
        step_all(network, optimizers, epoch)
        pruner.end_epoch()
    assert all(not layer.weight[~masks[name]].any() for name, layer in prunable_layers(network).items())


def test_weights_with_their_channels_last_are_pruned_alike() -> None:
    def laid_out(network: nn.Module, optimizer: torch.optim.Optimizer, epoch: int) -> None:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        plain(network, optimizer, epoch)

    assert_same(pruned_by(SGD, laid_out, saliency=0.5), pruned_by(SGD, plain, saliency=0.5))


def test_a_scheduler_around_the_step_changes_nothing_of_it() -> None:
    network = branching_network()
    optimizer = OPTIMIZERS["SGD"](network.parameters())
    torch.optim.lr_scheduler.StepLR(optimizer, 1)
    pruner = Pruner(network, optimizer, TENTH)
    train_epoch(network, optimizer, batches())
    assert pruner.end_epoch()
