import pytest
import torch
from torch import Tensor, nn

from compress.base.errors import CodesignError
from compress.networks.chain import layer_geometries
from compress.networks.forward_sizes import measured_geometries
from compress.networks.registry import build_network


def test_a_chain_gets_the_geometries_of_its_trace() -> None:
    network = build_network("lenet5", 0)
    assert measured_geometries(network, (1, 28, 28)) == layer_geometries(network, (1, 28, 28))


def test_depthwise_and_grouped_layers_keep_their_groups() -> None:
    network = nn.Sequential(nn.Conv2d(4, 4, 3, groups=4, padding=1), nn.Conv2d(4, 6, (1, 3), groups=2, stride=(1, 2)))
    first, second = measured_geometries(network, (4, 5, 7))
    assert (first.weight_shape, first.groups, first.macs) == ((4, 1, 3, 3), 4, 36 * 35)
    assert (second.weight_shape, second.groups) == ((6, 2, 1, 3), 2)
    assert second.output_shape == tuple(network(torch.zeros(1, 4, 5, 7)).shape[1:])


def test_the_network_is_left_as_it_was() -> None:
    network = nn.Sequential(nn.Linear(3, 2), nn.Dropout()).train()
    measured_geometries(network, (1, 1, 3))
    assert network.training
    assert not network[0]._forward_hooks


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        outputs: Tensor = self.conv(self.conv(images))
        return outputs


@pytest.mark.parametrize(("network", "cause"), [(Twice(), "runs twice"), (nn.Linear(5, 2), "cannot run on")])
def test_what_cannot_be_measured_is_a_clear_error(network: nn.Module, cause: str) -> None:
    with pytest.raises(CodesignError, match=cause):
        measured_geometries(network, (1, 4, 4))
