from collections.abc import Callable

import pytest
import torch
from torch import nn

from compress.networks.capture.geometries import layer_geometries
from compress.networks.fold import fold_batch_norms
from compress.networks.layers import prunable_layers
from compress.networks.mobilenets import mobilenet_v2, mobilenet_v3_large, mobilenet_v3_small


@pytest.mark.parametrize(
    ("make", "parameters", "layers"),
    [(mobilenet_v2, 2_236_682, 53), (mobilenet_v3_small, 1_528_106, 54), (mobilenet_v3_large, 4_214_842, 64)],
)
def test_parameters_are_those_of_the_published_networks_with_ten_classes(
    make: Callable[[], nn.Module], parameters: int, layers: int
) -> None:
    with torch.device("meta"):
        network = make()
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert len(prunable_layers(network)) == layers
    geometries = layer_geometries(network, (3, 32, 32))
    assert len(geometries) == layers
    assert any(geometry.groups == geometry.weight_shape[0] > 1 for geometry in geometries)  # depthwise


def test_a_mobilenet_can_be_folded() -> None:
    torch.manual_seed(0)
    network = mobilenet_v3_small().eval()
    images = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(
        fold_batch_norms(network, images.shape[1:])(images), network(images), rtol=1e-3, atol=1e-4
    )
