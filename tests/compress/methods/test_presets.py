import pytest
import torch
from torch import nn

from compress.base.errors import CodesignError
from compress.base.layer_settings import by_layer
from compress.methods.presets import PRESETS, preset
from compress.networks.layers import prunable_layers
from compress.networks.registry import NETWORKS


def layers_of(network: str) -> dict[str, nn.Conv2d | nn.Linear]:
    with torch.device("meta"):
        return prunable_layers(NETWORKS[network]())


def kept(name: str) -> float:
    chosen = preset(name)
    layers = layers_of(chosen.network)
    alphas = by_layer(layers, chosen.alphas)
    assert list(alphas) == list(layers)
    return sum(alpha * layers[layer].weight.numel() for layer, alpha in alphas.items())


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("lenet-300-100-23x", 11.6e3),  # 002 Table 1
        ("lenet5-71x", 6.05e3),  # 002 Table 2
        ("lenet5-167x", 2.58e3),  # 000 Table 3
        ("alexnet-21x", 2.9e6),  # 003 Table 7
        ("alexnet-25x", 2.47e6),  # 000 Table 4
        ("vgg16-20x", 6.9e6),  # 003 Table 3
        ("vgg16-26x", 5.3e6),
        ("resnet50-7x", 3.6e6),  # 003 Table 4
        ("resnet50-9x", 2.8e6),
        ("resnet50-17x", 1.47e6),
    ],
)
def test_a_preset_keeps_the_papers_total(name: str, weights: float) -> None:
    assert kept(name) == pytest.approx(weights, rel=0.015)


def test_every_preset_names_layers_of_its_network() -> None:
    for name, chosen in PRESETS.items():
        assert kept(name) > 0
        layers = layers_of(chosen.network)
        assert set(by_layer(layers, chosen.weight_bits)) <= set(layers)


@pytest.mark.parametrize(
    ("name", "papers", "uniform"),
    [("resnet50-7x", 2.7, 2.7), ("resnet50-17x", 0.73, 0.73), ("vgg16-20x", 3.2, 2.78)],
)
def test_weight_data_in_megabytes_beside_003_table_6(name: str, papers: float, uniform: float) -> None:
    chosen = preset(name)
    layers = layers_of(chosen.network)
    bits = by_layer(layers, chosen.weight_bits)
    size = sum(chosen.alphas["*"] * layers[layer].weight.numel() * bits[layer] for layer in layers)
    assert size / 8e6 == pytest.approx(uniform, rel=0.01)
    assert (size / 8e6 == pytest.approx(papers, rel=0.01)) == (name != "vgg16-20x")  # 3.7 bits a weight: not uniform
    assert "uniform" in chosen.source


def test_conv_layers_of_the_computation_preset_are_cut_13_times() -> None:
    chosen = preset("alexnet-conv-13x")
    sizes = {"conv1": 34_848, "conv2": 307_200, "conv3": 884_736, "conv4": 663_552, "conv5": 442_368}
    left = sum(size * chosen.alphas[name] for name, size in sizes.items())
    assert sum(sizes.values()) / left == pytest.approx(13.4, rel=0.01)


def test_an_unknown_preset_is_a_clear_error() -> None:
    with pytest.raises(CodesignError, match="unknown preset"):
        preset("lenet")
