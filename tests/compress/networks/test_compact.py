from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from compress.base.errors import CodesignError
from compress.networks.compact import compact, compact_chain
from compress.networks.registry import build_network


def _network(padding: int, bias: bool) -> nn.Module:
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(2, 5, 3, padding=1),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(5, 6, 3, padding=padding, bias=bias),
            relu2=nn.ReLU(),
            pool=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(6 * (3 if padding else 2) ** 2, 7, bias=bias),
            relu3=nn.ReLU(),
            fc2=nn.Linear(7, 3),
        )
    ).eval()


def _prune(network: nn.Module, density: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.mul_(torch.rand(parameter.shape, generator=generator) < density)


@settings(max_examples=24, deadline=None)
@given(
    padding=st.integers(0, 1),
    bias=st.booleans(),
    density=st.sampled_from([0.0, 0.01, 0.05, 0.2, 1.0]),
    seed=st.integers(0, 10**6),
)
def test_a_compact_network_computes_the_same(padding: int, bias: bool, density: float, seed: int) -> None:
    torch.manual_seed(seed)
    network = _network(padding, bias)
    _prune(network, density, seed)
    images = torch.rand(4, 2, 6, 6)
    expected = network(images)
    small = compact(network, (2, 6, 6))
    torch.testing.assert_close(small.network(images), expected)
    torch.testing.assert_close(network(images), expected, rtol=0, atol=0)  # the original is as it was
    nonzeros = {name: int(p.count_nonzero()) for name, p in network.named_parameters() if p.ndim > 1}
    small.restore(network)
    torch.testing.assert_close(network(images), expected)
    assert all(int(network.get_parameter(name).count_nonzero()) <= count for name, count in nonzeros.items())


def test_a_dense_network_keeps_its_size_and_a_pruned_one_loses_dead_channels() -> None:
    network = build_network("lenet5", 0)
    assert all(len(left) == len(network.get_parameter(f"{name}.bias")) for name, left in _channels(network).items())
    with torch.no_grad():
        network.get_parameter("conv1.weight")[3] = 0  # puts out a constant
        network.get_parameter("conv2.weight")[:, 5] = 0  # nobody reads channel 5 of conv1
        network.get_parameter("fc1.weight")[:, 7 * 16 : 8 * 16] = 0  # nobody reads channel 7 of conv2
    channels = _channels(network)
    assert [k for k in range(20) if k not in channels["conv1"]] == [3, 5]
    assert [k for k in range(50) if k not in channels["conv2"]] == [7]


def _channels(network: nn.Module) -> dict[str, torch.Tensor]:
    return compact(network, (1, 28, 28)).channels


def test_a_grouped_convolution_is_refused() -> None:
    network = nn.Sequential(nn.Conv2d(4, 4, 3, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(16, 2))
    with pytest.raises(CodesignError, match="grouped"):
        compact(network, (4, 4, 4))


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)
        self.fc = nn.Linear(192, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        first = self.first(images).relu()
        logits: torch.Tensor = self.fc((first + self.second(first).relu()).flatten(1))
        return logits


@pytest.mark.parametrize("network", [Residual(), nn.Sequential(nn.Conv2d(4, 4, 3, groups=2), nn.ReLU())], ids=str)
def test_what_is_no_chain_is_its_own_compact_network(network: nn.Module) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    whole = compact_chain(network, (1, 8, 8))
    assert whole.network is network
    whole.restore(network)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


class Viewed(nn.Module):
    """conv, ReLU, a view with as many features as ``features`` says, fc."""

    def __init__(self, features: Callable[[torch.Tensor], int]) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 2, 3), nn.Linear(18, 5)
        self.features = features
        with torch.no_grad():
            self.conv.weight[0] = 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = torch.relu(self.conv(images))
        logits: torch.Tensor = self.fc(maps.view(-1, self.features(maps)))
        return logits


def test_a_view_with_a_number_of_features_is_not_made_smaller() -> None:
    network = Viewed(lambda maps: 18).eval()
    with pytest.raises(CodesignError, match=r"a row of its own|cannot run on images"):
        compact(network, (1, 5, 5))
    assert compact_chain(network, (1, 5, 5)).network is network
    network.features = lambda maps: math.prod(maps.shape[1:])
    images = torch.rand(3, 1, 5, 5)
    torch.testing.assert_close(compact(network, (1, 5, 5)).network(images), network(images))


class CountsChannels(Viewed):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits = super().forward(images)
        return logits if self.conv.out_channels == 2 else logits.relu()


def test_a_forward_that_depends_on_the_number_of_channels_is_not_made_smaller() -> None:
    network = CountsChannels(lambda maps: math.prod(maps.shape[1:])).eval()
    with pytest.raises(CodesignError, match="something else with fewer channels"):
        compact(network, (1, 5, 5))
    assert compact_chain(network, (1, 5, 5)).network is network


@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_a_constant_stays_where_zeros_are_padded_behind_the_map_alone() -> None:
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 2, 2, padding="same")).eval()
    with torch.no_grad():
        network.get_parameter("0.weight")[1] = 0
        network.get_parameter("0.bias")[1] = 1
    images = torch.rand(3, 1, 6, 6)
    small = compact(network, (1, 6, 6))
    assert small.channels["0"].tolist() == [0, 1, 2]
    torch.testing.assert_close(small.network(images), network(images))


def test_a_chain_is_compacted() -> None:
    network = build_network("lenet5", 0)
    with torch.no_grad():
        network.get_parameter("conv1.weight")[3] = 0
    assert len(compact_chain(network, (1, 28, 28)).channels["conv1"]) == 19
