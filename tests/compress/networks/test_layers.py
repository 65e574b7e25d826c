import pytest
from torch import nn

from compress.base.errors import CodesignError
from compress.networks.layers import prunable_layers


def test_names_of_nested_modules_are_those_of_the_network() -> None:
    first, second = nn.Conv2d(2, 3, 1), nn.Linear(3, 1)
    network = nn.Sequential(nn.Sequential(first, nn.ReLU()), second)
    assert list(prunable_layers(network).items()) == [("0.0", first), ("1", second)]


def test_a_network_without_layers_has_nothing_to_prune() -> None:
    with pytest.raises(CodesignError, match="no Conv2d or Linear"):
        prunable_layers(nn.Sequential(nn.ReLU()))
