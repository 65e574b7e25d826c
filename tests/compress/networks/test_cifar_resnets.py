import pytest
import torch
from torch import nn
from torch.nn import functional

from compress.networks.fold import fold_batch_norms
from compress.networks.layers import prunable_layers
from compress.networks.registry import NETWORKS, build_network

# He et al. 2016, Table 6: 0.27 M, 0.46 M and 0.85 M parameters; the Keras summary of MLPerf Tiny's: 78,666.
PARAMETERS = {"resnet20": 269_722, "resnet32": 464_154, "resnet56": 853_018, "resnet8": 78_186}
LAYERS = {"resnet20": 20, "resnet32": 32, "resnet56": 56, "resnet8": 10}


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_and_layers_are_the_published_ones(name: str) -> None:
    with torch.device("meta"):
        network = NETWORKS[name]()
    assert sum(parameter.numel() for parameter in network.parameters()) == PARAMETERS[name]
    assert len(prunable_layers(network)) == LAYERS[name]


def test_resnet8_has_as_many_numbers_as_kerass_summary_counts() -> None:
    floats = [tensor for tensor in build_network("resnet8", 0).state_dict().values() if tensor.is_floating_point()]
    assert sum(tensor.numel() for tensor in floats) == 78_666


def test_the_keys_are_those_of_the_published_checkpoints() -> None:
    keys = {key for key in build_network("resnet20", 0).state_dict() if not key.endswith("num_batches_tracked")}
    norm = ("weight", "bias", "running_mean", "running_var")
    blocks = [f"layer{stage}.{block}." for stage in (1, 2, 3) for block in (0, 1, 2)]
    expected = {"conv1.weight", "linear.weight", "linear.bias", *(f"bn1.{part}" for part in norm)}
    expected |= {f"{block}conv{number}.weight" for block in blocks for number in (1, 2)}
    expected |= {f"{block}bn{number}.{part}" for block in blocks for number in (1, 2) for part in norm}
    assert keys == expected


@torch.no_grad()
def test_a_shortcut_takes_every_second_pixel_and_fills_channels_with_zeros() -> None:
    block = build_network("resnet20", 0).get_submodule("layer2.0").eval()
    nn.init.zeros_(block.get_parameter("bn2.weight"))  # nothing but the shortcut is left
    images = torch.rand(2, 16, 8, 8)
    expected = torch.zeros(2, 32, 4, 4)
    expected[:, 8:24] = images[:, :, ::2, ::2]
    assert torch.equal(block(images), expected)


@torch.no_grad()
def test_resnet8_pads_at_the_end_where_keras_does() -> None:
    layers = build_network("resnet8", 0).get_submodule("stack2.layers")
    conv = layers.get_submodule("1")
    assert isinstance(conv, nn.Conv2d)
    images = torch.rand(1, 16, 32, 32)
    padded = functional.pad(images, (0, 1, 0, 1))  # "same" of TensorFlow: 32 pixels to 16 need one more
    assert torch.equal(
        conv(layers.get_submodule("0")(images)), functional.conv2d(padded, conv.weight, conv.bias, stride=2)
    )


@torch.no_grad()
@pytest.mark.parametrize("name", PARAMETERS)
def test_folded_networks_answer_as_before(name: str) -> None:
    network = build_network(name, 0).train()
    network(torch.rand(8, 3, 32, 32))  # running statistics that are not the initial ones
    images = torch.rand(2, 3, 32, 32)
    folded = fold_batch_norms(network, images.shape[1:])
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert torch.allclose(folded(images), network.eval()(images), rtol=1e-3, atol=1e-3)
