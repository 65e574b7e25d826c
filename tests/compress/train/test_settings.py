import pytest
import torch
from torch import nn

from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.data.datasets import Dataset
from compress.methods.prune import prune_admm
from compress.train.settings import (
    TORCH_THREADS,
    adam,
    falling_rate,
    make_optimizer,
    on_device,
    random_state,
    seeded,
    set_random_state,
    torch_threads,
)
from compress.train.training import TrainingConfig


def test_the_rate_falls_from_the_first_to_two_percent() -> None:
    rates = [falling_rate(0.1, epoch, 10) for epoch in range(11)]
    assert rates[0] == 0.1
    assert rates[-1] == pytest.approx(0.002)
    assert rates == sorted(rates, reverse=True)


def test_training_runs_on_the_threads_of_its_settings_and_leaves_torchs_alone() -> None:
    before, inside = torch.get_num_threads(), []
    with torch_threads():
        assert torch.get_num_threads() == TORCH_THREADS == TrainingConfig().threads == AdmmConfig().threads
    with torch_threads(3):
        inside.append(torch.get_num_threads())
    assert (inside, torch.get_num_threads()) == ([3], before)


@pytest.mark.parametrize("threads", [1, 3])
def test_every_training_uses_as_many_threads_as_asked(
    threads: int, small_network: nn.Module, small_data: Dataset
) -> None:
    seen = set()
    config = AdmmConfig(iterations=1, retrain_epochs=1, threads=threads)
    prune_admm(small_network, small_data, {"*": 0.5}, config, progress=lambda _: seen.add(torch.get_num_threads()))
    assert seen == {threads}


def test_no_threads_are_a_clear_error() -> None:
    with pytest.raises(CodesignError, match="threads = 0"):
        TrainingConfig(threads=0)


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


def test_optimizers_by_name() -> None:
    layer = nn.Linear(2, 2)
    layer.bias.requires_grad_(False)
    assert type(make_optimizer("adam", layer.parameters(), 0.1)) is torch.optim.Adam
    sgd = make_optimizer("sgd", layer.parameters(), 0.1, 0.2)
    assert type(sgd) is torch.optim.SGD
    (group,) = sgd.param_groups
    assert (group["lr"], group["weight_decay"], group["momentum"], group["nesterov"]) == (0.1, 0.2, 0.9, True)
    assert len(group["params"]) == 1
    with pytest.raises(CodesignError, match="optimizer = 'lion'"):
        TrainingConfig(optimizer="lion")  # type: ignore[arg-type]


def test_admm_passes_its_training_settings_on() -> None:
    config = AdmmConfig(augment_flip=True, precision="bfloat16", optimizer="sgd")
    training = config.training(3, 5)
    assert (training.augment_flip, training.precision, training.optimizer) == (True, "bfloat16", "sgd")
