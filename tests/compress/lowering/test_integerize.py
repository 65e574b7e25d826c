from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.data.datasets import Dataset, Split
from compress.lowering.fusion import fuse
from compress.lowering.integerize import integerize
from compress.lowering.ranges import calibrate
from compress.methods.prune import prune_admm
from compress.methods.quantize import QuantizeResult, quantize_admm
from compress.model.compressed_model import CompressedModel
from compress.model.layer import LayerKind
from compress.networks.capture.capture import capture
from compress.networks.fold import fold_batch_norms
from compress.networks.layers import prunable_layers
from compress.sets.constraints import Levels, search_interval
from compress.train.training import accuracy

RunInteger = Callable[[CompressedModel, Split], Tensor]


@torch.no_grad()
def rounded(network: nn.Module, bits: int = 8) -> QuantizeResult:
    """Every weight put on its closest level, without training."""
    intervals, levels = {}, {}
    for name, layer in prunable_layers(network).items():
        intervals[name] = search_interval(layer.weight, bits)
        target = Levels(bits, intervals[name], torch.ones_like(layer.weight, dtype=torch.bool))
        levels[name] = target.levels(layer.weight)
        layer.weight.copy_(target.project(layer.weight))
    return QuantizeResult(levels, intervals, dict.fromkeys(levels, bits), (), ())


def random_split(shape: tuple[int, int, int], seed: int, count: int = 16) -> Split:
    images = torch.rand((count, *shape), generator=torch.Generator().manual_seed(seed))
    return Split(torch.floor(images * 255 + 0.5) / 255, torch.zeros(count, dtype=torch.int64))


@given(
    seed=st.integers(0, 1000),
    channels=st.integers(1, 3),
    stride=st.integers(1, 2),
    padding=st.integers(0, 2),
    pool=st.sampled_from([nn.MaxPool2d(2), nn.AvgPool2d(2, 1), nn.Identity()]),
    bias=st.booleans(),
    act_bits=st.integers(6, 8),
)
@settings(deadline=None, max_examples=40)
def test_integer_outputs_are_close_to_the_quantized_networks(
    run_integer: RunInteger,
    seed: int,
    channels: int,
    stride: int,
    padding: int,
    pool: nn.Module,
    bias: bool,
    act_bits: int,
) -> None:
    torch.manual_seed(seed)
    conv = nn.Conv2d(channels, 4, 3, stride, padding, bias=bias)
    features = nn.Sequential(conv, nn.ReLU(), pool, nn.Flatten())
    split = random_split((channels, 7, 7), seed)
    head = nn.Linear(features(split.images).shape[1], 5, bias=bias)
    network = nn.Sequential(*features, head).eval()
    model = integerize(network, rounded(network), split, (channels, 7, 7), act_bits)
    outputs = run_integer(model, split) * model.layers[-1].output_scale
    expected = network(split.images).detach().double()
    # Half a step of the inputs, of the hidden activations and of the outputs, through the weights.
    steps = [layer.output_scale for layer in model.layers]
    weights = [layer.weight.detach().abs().double() for layer in (conv, head)]
    gain = weights[1].sum(1).max()
    bound = steps[1] + gain * (steps[0] * 1.5 + model.layers[0].input_scale / 2 * weights[0].sum((1, 2, 3)).max())
    assert float((outputs - expected).abs().max()) <= bound


def test_the_whole_digits_pipeline_keeps_its_accuracy(
    trained: nn.Module, digits: Dataset, run_integer: RunInteger
) -> None:
    unseen = Split(*(torch.cat(pair) for pair in zip(_members(digits.validation), _members(digits.test), strict=True)))
    dense = accuracy(trained, unseen)
    alphas = {"conv1": 0.6, "conv2": 0.2, "fc1": 0.1, "fc2": 1.0}
    pruned = prune_admm(trained, digits, alphas, AdmmConfig(iterations=40, retrain_epochs=25))
    bits = dict.fromkeys(alphas, 4)
    quantized = quantize_admm(trained, digits, pruned.masks, bits, AdmmConfig(iterations=15, retrain_epochs=6))
    model = integerize(trained, quantized, digits.train, digits.input_shape, provenance={"seed": 0})
    assert [layer.name for layer in model.layers] == list(alphas)
    dead = [layer.alpha - alpha for layer, alpha in zip(model.layers, alphas.values(), strict=True)]
    assert max(dead) <= 0.01  # less where weights read neurons without weights
    outputs = run_integer(model, unseen)
    assert float((outputs.argmax(1) == unseen.labels).double().mean()) >= dense - 0.01
    assert model.provenance == {"seed": 0}


def _members(split: Split) -> tuple[Tensor, Tensor]:
    return split.images, split.labels


def test_normalized_depthwise_and_grouped_layers_become_integers(run_integer: RunInteger) -> None:
    torch.manual_seed(0)
    layers = [nn.Conv2d(2, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
    layers += [nn.Conv2d(8, 8, 3, groups=8, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
    layers += [nn.Conv2d(8, 6, 1, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(54, 5)]
    network = nn.Sequential(*layers)
    split = random_split((2, 7, 7), 0, count=64)
    network(split.images)  # running statistics
    folded = fold_batch_norms(network, (2, 7, 7))
    model = integerize(folded, rounded(folded), split, (2, 7, 7))
    assert [layer.groups for layer in model.layers] == [1, 8, 2, 1]
    outputs = run_integer(model, split) * model.layers[-1].output_scale
    expected = network.eval()(split.images).detach().double()
    assert float((outputs - expected).abs().max()) <= 0.05 * float(expected.abs().max())


def test_images_may_be_flattened_first(run_integer: RunInteger) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3)).eval()
    split = random_split((1, 4, 4), 0)
    model = integerize(network, rounded(network), split, (1, 4, 4))
    assert model.input_shape == (1, 4, 4)
    outputs = run_integer(model, split) * model.layers[-1].output_scale
    assert float((outputs - network(split.images).detach()).abs().max()) <= 0.02


def test_scales_start_at_the_images_and_chain(small_network: nn.Module, small_data: Dataset) -> None:
    model = integerize(small_network, rounded(small_network), small_data.train, (1, 8, 8))
    first, last = model.layers
    assert first.input_scale == 1 / 255
    assert last.input_scale == first.output_scale
    assert (first.relu, last.relu) == (True, False)
    assert (first.kind, last.kind) == (LayerKind.CONV2D, LayerKind.LINEAR)
    for layer in model.layers:
        scale = layer.interval * layer.input_scale / layer.output_scale
        assert layer.requantization.multiplier / 2**layer.requantization.shift == pytest.approx(scale, rel=2**-9)


def test_biases_are_in_accumulator_units(small_network: nn.Module, small_data: Dataset) -> None:
    model = integerize(small_network, rounded(small_network), small_data.train, (1, 8, 8))
    for layer, module in zip(model.layers, prunable_layers(small_network).values(), strict=True):
        assert module.bias is not None
        unit = layer.interval * layer.input_scale
        np.testing.assert_allclose(layer.bias * unit, module.bias.detach().numpy(), rtol=0, atol=unit / 2 + 1e-9)


def test_coverage_sets_the_bound(small_network: nn.Module, small_data: Dataset) -> None:
    captured = capture(small_network, (1, 8, 8))
    steps, _ = fuse(captured)
    images = small_data.train.images
    outputs = small_network.get_submodule("0")(images).relu().detach().numpy()
    assert calibrate(captured, images, steps)["1"].magnitude == pytest.approx(outputs.max())
    assert calibrate(captured, images, steps, 0.9)["1"].magnitude == pytest.approx(np.quantile(outputs, 0.9))
    with pytest.raises(CodesignError, match="coverage"):
        calibrate(captured, images, steps, 0.0)


def test_a_dead_capped_layer_is_calibrated_to_its_cap() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Hardtanh(0, 0.25), nn.Flatten(), nn.Linear(72, 3))
    for parameter in network[0].parameters():
        nn.init.zeros_(parameter)
    captured = capture(network, (1, 8, 8))
    steps, _ = fuse(captured)
    assert calibrate(captured, torch.rand(4, 1, 8, 8), steps)[steps[0].seen].magnitude == 0.25


def test_a_dead_layer_is_calibrated_to_one(small_network: nn.Module, small_data: Dataset) -> None:
    torch.nn.init.constant_(small_network.get_parameter("0.bias"), -99.0)
    captured = capture(small_network, (1, 8, 8))
    assert calibrate(captured, small_data.train.images, fuse(captured)[0])["1"].magnitude == 1.0


def test_a_layer_that_was_not_quantized_is_a_clear_error(small_network: nn.Module, small_data: Dataset) -> None:
    quantized = rounded(small_network)
    del quantized.levels["4"]
    with pytest.raises(CodesignError, match="'4' was not quantized"):
        integerize(small_network, quantized, small_data.train, (1, 8, 8))


def test_a_bias_beyond_32_bits_is_a_clear_error(small_network: nn.Module, small_data: Dataset) -> None:
    torch.nn.init.constant_(small_network.get_parameter("4.bias"), 1e9)
    with pytest.raises(CodesignError, match="bias of layer '4'"):
        integerize(small_network, rounded(small_network), small_data.train, (1, 8, 8))


class Halving(nn.Module):
    """Does with images what its capture does not see."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(64, 3)

    def forward(self, images: Tensor) -> Tensor:
        outputs: Tensor = self.fc(images.flatten(1))
        return outputs if torch.compiler.is_compiling() else outputs / 2


def test_a_network_that_is_not_its_chain_of_layers_is_a_clear_error(small_data: Dataset) -> None:
    network = Halving()
    with pytest.raises(CodesignError, match="operations, run in order, differ from the network's output"):
        integerize(network, rounded(network), small_data.train, (1, 8, 8))


def test_a_layer_that_computes_with_other_weights_than_its_own_is_a_clear_error(
    small_network: nn.Module, small_data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    torchs = nn.Conv2d._conv_forward

    def tripled(layer: nn.Conv2d, images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        outputs: Tensor = torchs(layer, images, 3 * weight, bias)
        return outputs

    quantized = rounded(small_network)
    monkeypatch.setattr(nn.Conv2d, "_conv_forward", tripled)
    with pytest.raises(CodesignError, match=r"'0' .* computes with a weight outside a Conv2d"):
        integerize(small_network, quantized, small_data.train, small_data.input_shape)


def test_layers_without_relu_have_a_zero_point(run_integer: RunInteger, small_data: Dataset) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 8), nn.Flatten(), nn.Linear(2, 3))
    model = integerize(network, rounded(network), small_data.train, (1, 8, 8))
    assert 0 < model.layers[0].output_zero_point < 255
    outputs = run_integer(model, small_data.train) * model.output.scale
    assert float((outputs - network(small_data.train.images).detach()).abs().max()) <= 0.02
