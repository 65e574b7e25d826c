from collections.abc import Callable

import pytest
import torch
from torch import nn

from compress.networks.capture.geometries import layer_geometries
from compress.networks.fold import fold_batch_norms
from compress.networks.imagenet import _Bottleneck as Bottleneck
from compress.networks.imagenet import alexnet, resnet50, vgg16
from compress.networks.layers import LayerGeometry


def on_meta(make: Callable[[], nn.Module]) -> nn.Module:
    with torch.device("meta"):
        return make()


# AlexNet's weights in thousands as 003 Table 7 prints them, operations in millions as 003 Table 8 does.
ALEXNET = {
    "conv1": ("34.8", 211),
    "conv2": ("307.2", 448),
    "conv3": ("884.7", 299),
    "conv4": ("663.6", 224),  # the table cuts 663,552 to 663.5 K
    "conv5": ("442.4", 150),
    "fc1": ("37748.7", 75),
    "fc2": ("16777.2", 34),
    "fc3": ("4096.0", 8),
}


def alexnet_layers() -> list[LayerGeometry]:
    return layer_geometries(on_meta(alexnet), (3, 227, 227))


def test_alexnets_layers_have_the_papers_weights() -> None:
    counts = {layer.name: f"{layer.weights / 1e3:.1f}" for layer in alexnet_layers()}
    assert counts == {name: weights for name, (weights, _) in ALEXNET.items()}
    assert sum(layer.weights for layer in alexnet_layers()) == 60_954_656


def test_the_papers_macs_of_alexnet_are_operations_two_per_multiply_accumulate() -> None:
    for layer in alexnet_layers():
        assert 2 * layer.macs / 1e6 == pytest.approx(ALEXNET[layer.name][1], abs=0.8)
    convolutions = sum(layer.macs for layer in alexnet_layers() if layer.name.startswith("conv"))
    assert 2 * convolutions / 1e6 == pytest.approx(1332, abs=1)


def test_vgg16_has_138_million_weights_and_15_5_billion_macs() -> None:
    layers = layer_geometries(on_meta(vgg16), (3, 224, 224))
    assert sum(layer.weights for layer in layers) == 138_344_128
    assert sum(layer.macs for layer in layers) == 15_470_264_320
    assert [layer.name for layer in layers][:3] == ["conv1_1", "conv1_2", "conv2_1"]
    assert len(layers) == 16


def test_resnet50_has_25_6_million_parameters_and_4_1_billion_macs() -> None:
    network = on_meta(resnet50)
    layers = layer_geometries(network, (3, 224, 224))
    assert sum(parameter.numel() for parameter in network.parameters()) == 25_557_032
    assert sum(layer.weights for layer in layers) == 25_502_912
    assert sum(layer.macs for layer in layers) == pytest.approx(4.089e9, rel=1e-3)
    assert len(layers) == 54


def test_a_residual_block_can_be_folded() -> None:
    block = Bottleneck(8, 4, 2).eval()
    images = torch.rand(1, 8, 6, 6)
    torch.testing.assert_close(fold_batch_norms(block, images.shape[1:])(images), block(images))
