from __future__ import annotations

import torch

from compress.networks.capture.geometries import layer_geometries
from compress.networks.fold import fold_batch_norms
from compress.networks.layers import prunable_layers
from compress.networks.registry import build_network


def test_vgg16_for_cifar_is_a_chain_of_its_known_size() -> None:
    network = build_network("vgg16-cifar", seed=0).eval()
    layers = prunable_layers(network)
    assert sum(layer.weight.numel() for layer in layers.values()) == 14_710_464 + 5_120
    geometries = layer_geometries(fold_batch_norms(network, (3, 32, 32)), (3, 32, 32))
    assert [layer.name for layer in geometries] == list(layers)
    assert sum(layer.macs for layer in geometries) == 313_201_664
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
