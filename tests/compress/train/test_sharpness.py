import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from compress.data.datasets import Split
from compress.train.epoch import train_epoch
from compress.train.sharpness import at_sharpest

IMAGES, LABELS = torch.rand(12, 1, 4, 4), torch.arange(12) % 3


def small_network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))


def loss_of(network: nn.Module) -> Tensor:
    return functional.cross_entropy(network(IMAGES), LABELS)


def parameters(network: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


@settings(deadline=None, max_examples=20)
@given(st.floats(1e-3, 1.0), st.integers(0, 2**16))
def test_inside_the_weights_are_a_radius_uphill_and_afterwards_as_before(radius: float, seed: int) -> None:
    torch.manual_seed(seed)
    network = small_network().train()
    loss_of(network).backward()
    before, statistics = parameters(network), [buffer.clone() for buffer in network.buffers()]
    gradient = torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])
    with at_sharpest(network, radius):
        moved = parameters(network) - before
        assert all(parameter.grad is None for parameter in network.parameters())
        torch.testing.assert_close(moved, gradient * radius / gradient.norm(), rtol=1e-3, atol=1e-6)
        loss_of(network).backward()
    assert torch.equal(parameters(network), before)
    assert all(torch.equal(*pair) for pair in zip(network.buffers(), statistics, strict=True))
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_weights_without_a_gradient_and_flat_losses_stay() -> None:
    network = small_network()
    before = parameters(network)
    with at_sharpest(network, 1.0):
        assert torch.equal(parameters(network), before)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    with at_sharpest(network, 1.0):
        assert torch.equal(parameters(network), before)


def test_an_error_inside_leaves_the_weights_as_they_were() -> None:
    network = small_network()
    loss_of(network).backward()
    before = parameters(network)
    with pytest.raises(RuntimeError, match="stop"), at_sharpest(network, 1.0):
        raise RuntimeError("stop")
    assert torch.equal(parameters(network), before)


def test_an_epochs_step_takes_the_gradient_from_uphill_and_adds_the_pull_once() -> None:
    torch.manual_seed(0)
    network, by_hand = small_network(), small_network()
    by_hand.load_state_dict(network.state_dict())
    pulled: list[int] = []
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    split = Split(IMAGES, LABELS)
    train_epoch(network, split, optimizer, len(IMAGES), sharpness=0.5, pull=lambda: pulled.append(1))
    by_hand.train()
    loss_of(by_hand).backward()
    with at_sharpest(by_hand, 0.5):
        loss_of(by_hand).backward()
    torch.optim.SGD(by_hand.parameters(), 0.1).step()
    torch.testing.assert_close(parameters(network), parameters(by_hand), rtol=1e-4, atol=1e-6)
    assert pulled == [1]
