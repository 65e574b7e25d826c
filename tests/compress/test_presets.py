import pytest
import torch

from compress.chain import prunable_layers
from compress.errors import CodesignError
from compress.networks import NETWORKS
from compress.patterns import by_layer
from compress.presets import PRESETS, preset


def kept(name: str) -> float:
    chosen = preset(name)
    with torch.device("meta"):
        layers = prunable_layers(NETWORKS[chosen.network]())
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
    ],
)
def test_a_preset_keeps_the_papers_total(name: str, weights: float) -> None:
    assert kept(name) == pytest.approx(weights, rel=0.015)


def test_every_preset_names_layers_of_its_network() -> None:
    for name, chosen in PRESETS.items():
        assert kept(name) > 0
        with torch.device("meta"):
            layers = prunable_layers(NETWORKS[chosen.network]())
        bits = by_layer(layers, chosen.weight_bits)
        assert not bits or list(bits) == list(layers)


def test_conv_layers_of_the_computation_preset_are_cut_13_times() -> None:
    chosen = preset("alexnet-conv-13x")
    sizes = {"conv1": 34_848, "conv2": 307_200, "conv3": 884_736, "conv4": 663_552, "conv5": 442_368}
    left = sum(size * chosen.alphas[name] for name, size in sizes.items())
    assert sum(sizes.values()) / left == pytest.approx(13.4, rel=0.01)


def test_an_unknown_preset_is_a_clear_error() -> None:
    with pytest.raises(CodesignError, match="unknown preset"):
        preset("lenet")
