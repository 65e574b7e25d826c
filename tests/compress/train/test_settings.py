import pytest
import torch
from torch import nn

from compress.base.errors import CodesignError
from compress.networks.registry import build_network
from compress.train.settings import (
    adam,
    falling_rate,
    on_device,
    random_state,
    seeded,
    set_random_state,
    suitable_threads,
)
from compress.train.training import TrainingConfig


def test_the_rate_falls_from_the_first_to_two_percent() -> None:
    rates = [falling_rate(0.1, epoch, 10) for epoch in range(11)]
    assert rates[0] == 0.1
    assert rates[-1] == pytest.approx(0.002)
    assert rates == sorted(rates, reverse=True)


def test_a_small_network_uses_one_thread_and_a_large_one_all() -> None:
    threads = torch.get_num_threads()
    with suitable_threads(build_network("digits-net", 0)):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == threads
    with suitable_threads(build_network("lenet5", 0)):
        assert torch.get_num_threads() == threads


def test_a_seed_leaves_the_callers_random_numbers_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with seeded(0):
        first = torch.rand(3)
    assert torch.equal(torch.rand(3), expected)
    with seeded(0):
        assert torch.equal(torch.rand(3), first)


def test_a_random_state_can_be_returned_to() -> None:
    state = random_state()
    first = torch.rand(3)
    set_random_state(state)
    assert torch.equal(torch.rand(3), first)


def test_a_network_comes_back_from_its_device_with_the_same_parameters() -> None:
    network = nn.Linear(2, 3)
    weight, values = network.weight, network.weight.detach().clone()
    with on_device(network, "cpu"):
        assert network.weight.device.type == "cpu"
    assert network.weight is weight
    assert torch.equal(weight, values)


def test_a_device_that_is_not_there_is_a_clear_error() -> None:
    with pytest.raises(CodesignError, match="no device 'toaster'"):
        TrainingConfig(device="toaster")


def test_adam_leaves_frozen_parameters_out() -> None:
    network = nn.Linear(2, 3)
    network.bias.requires_grad_(False)
    assert adam(network.parameters(), 0.1).param_groups[0]["params"] == [network.weight]
