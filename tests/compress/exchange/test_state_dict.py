from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import nn

from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.data.datasets import Dataset
from compress.exchange.state_dict import _check_shapes, real_bias, save_state_dict, state_dict
from compress.lowering.integerize import integerize
from compress.methods.quantize import quantize_admm
from compress.model.compressed_model import CompressedModel
from compress.model.folding.fold_constants import fold_constants
from compress.model.layer import CompressedLayer
from compress.networks.fold import fold_batch_norms
from compress.networks.layers import prunable_layers
from compress.networks.registry import NETWORKS
from tests.drawn import layers


def _network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        network = nn.Sequential(
            nn.Conv2d(1, 4, 3, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(36, 10),
        )
        network(torch.rand(32, 1, 8, 8))
    return network.eval()


def _read(path: Path) -> dict[str, Any]:
    if path.suffix == ".safetensors":
        return load_file(path)
    return torch.load(path, weights_only=True)  # type: ignore[no-any-return]


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".pth"])
def test_the_folded_network_loads_what_it_was_quantized_to(suffix: str, small_data: Dataset, tmp_path: Path) -> None:
    quantized = fold_batch_norms(_network(), (1, 8, 8))
    found = quantize_admm(quantized, small_data, {}, {"*": 4}, AdmmConfig(iterations=1, retrain_epochs=0))
    model = integerize(quantized, found, small_data.validation, (1, 8, 8))
    save_state_dict(model, tmp_path / f"weights{suffix}")
    again = fold_batch_norms(_network(), (1, 8, 8))
    again.load_state_dict(_read(tmp_path / f"weights{suffix}"))
    for layer in model.layers:
        weight, bias = (
            (again.get_parameter(name), quantized.get_parameter(name))
            for name in (f"{layer.name}.weight", f"{layer.name}.bias")
        )
        assert torch.equal(*weight)
        assert (bias[0] - bias[1]).abs().max() <= layer.interval * layer.input_scale * 0.5001


def test_weights_and_biases_are_the_layers_numbers(model: CompressedModel) -> None:
    tensors = state_dict(model)
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == {
        "conv.weight": (4, 2, 3, 3),
        "conv.bias": (4,),
        "fc.weight": (3, 16),
        "fc.bias": (3,),
    }
    conv = model.layer("conv")
    expected = (conv.bias * conv.interval * conv.input_scale).astype(np.float32)
    np.testing.assert_allclose(tensors["conv.bias"].numpy(), expected, rtol=1e-6)


@given(layer=layers(), zero_points=st.tuples(st.integers(0, 15), st.integers(0, 15)))
def test_zero_points_are_not_in_the_real_biases(layer: CompressedLayer, zero_points: tuple[int, int]) -> None:
    """Real biases on real inputs give the real outputs of the integer layer, before it rounds."""
    before, after = zero_points
    layer = replace(layer, relu=True, input_zero_point=before, output_zero_point=after)
    codes = np.arange(layer.levels[0].size).reshape(layer.levels.shape[1:]) % 16
    sums = (layer.levels * codes.astype(np.int64)).sum(axis=(1, 2, 3)) + layer.bias
    scale = layer.requantization
    shifted = round(after * 2**scale.shift / scale.multiplier)
    outputs = (sums - shifted) * layer.interval * layer.input_scale
    weighted = (layer.levels * layer.interval * ((codes - before) * layer.input_scale)).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(weighted + real_bias(layer), outputs, rtol=1e-9, atol=1e-6)


@given(layer=layers())
def test_levels_come_back_from_the_weights(layer: CompressedLayer) -> None:
    weight = state_dict(CompressedModel.chain((layer,)))["layer.weight"].double().numpy()
    assert np.array_equal(np.rint(weight / layer.interval), layer.levels)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_one_model_gives_one_sequence_of_bytes(suffix: str, model: CompressedModel, tmp_path: Path) -> None:
    contents = []
    for name in ("first", "another"):
        save_state_dict(model, tmp_path / f"{name}{suffix}")
        contents.append((tmp_path / f"{name}{suffix}").read_bytes())
    assert contents[0] == contents[1]


@pytest.mark.parametrize("name", NETWORKS)
def test_shapes_of_every_network_are_known_without_building_it(name: str) -> None:
    with torch.device("meta"):
        shapes = {layer: tuple(module.weight.shape) for layer, module in prunable_layers(NETWORKS[name]()).items()}
    _check_shapes(name, shapes)
    first = next(iter(shapes))
    for spoilt in ({**shapes, first: (1, *shapes[first][1:])}, {**shapes, "another": (1, 1)}, {"another": (1, 1)}):
        with pytest.raises(CodesignError, match="could not load it"):
            _check_shapes(name, spoilt)


def test_a_model_smaller_than_its_network_is_refused(model: CompressedModel, tmp_path: Path) -> None:
    folded = replace(model, provenance={"network": "lenet5"})
    with pytest.raises(CodesignError, match=r"'conv' is \(4, 2, 3, 3\) in the model and missing in 'lenet5'"):
        save_state_dict(folded, tmp_path / "weights.pt")
    assert not list(tmp_path.iterdir())
    assert state_dict(replace(model, provenance={"network": "package.module:function"})).keys()


def test_a_model_whose_channels_were_folded_away_is_refused(model: CompressedModel, tmp_path: Path) -> None:
    conv, fc = model.layers
    levels = conv.levels.copy()
    levels[1] = 0
    folded = fold_constants(CompressedModel.chain((replace(conv, levels=levels), fc)))
    with pytest.raises(CodesignError, match="channels of layer 'conv' were folded away") as error:
        save_state_dict(folded, tmp_path / "weights.pt")
    assert "quantized.safetensors" in error.value.next_step
    assert not list(tmp_path.iterdir())
