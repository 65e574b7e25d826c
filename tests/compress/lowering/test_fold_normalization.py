from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from compress.data.datasets import Split
from compress.data.normalization import Normalization
from compress.lowering.fold_normalization import fold_normalization, is_foldable
from compress.lowering.integerize import integerize
from compress.methods.post_training import round_weights
from compress.methods.quantize import QuantizeResult
from compress.model.compressed_model import INPUT
from compress.model.ops.affine import Affine

SHAPE = (4, 6, 5)


def small_network(kind: str, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    if kind == "linear":
        return nn.Sequential(nn.Flatten(), nn.Linear(120, 7), nn.ReLU(), nn.Linear(7, 3)).eval()
    groups, bias = (2, False) if kind == "groups" else (1, True)
    conv = nn.Conv2d(4, 6, 3, groups=groups, bias=bias)
    return nn.Sequential(conv, nn.ReLU(), nn.Flatten(), nn.Linear(72, 3)).eval()


def random_split(seed: int, normalization: Normalization) -> Split:
    pixels = torch.randint(0, 256, (16, *SHAPE), generator=torch.Generator().manual_seed(seed)) / 255
    return Split(pixels, torch.zeros(16, dtype=torch.int64)).normalized(normalization)


@given(
    st.sampled_from(["linear", "conv", "groups"]),
    st.lists(st.floats(-1, 2), min_size=4, max_size=4),
    st.floats(0.05, 2),
    st.integers(0, 1000),
)
def test_the_folded_network_computes_of_pixels_what_the_network_computes_of_normalized_images(
    kind: str, mean: list[float], std: float, seed: int
) -> None:
    normalization = Normalization.of(mean, [std], 4)
    assert normalization is not None
    network, split = small_network(kind, seed), random_split(seed, normalization)
    quantized = round_weights(network, {"*": 8})
    first = "1" if kind == "linear" else "0"
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    folded, levels = fold_normalization(network, quantized, first, normalization)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert torch.allclose(folded(split.pixels), network(split.images), atol=1e-3, rtol=1e-3)
    weight = levels.levels[first] * levels.intervals[first]
    assert torch.allclose(folded.get_parameter(f"{first}.weight"), weight.float(), rtol=1e-5)


@pytest.mark.parametrize("kind", ["linear", "conv", "groups"])
def test_the_integer_model_reads_pixels_and_answers_as_the_network(kind: str) -> None:
    normalization = Normalization((0.1, 0.3, 0.5, 0.7), (0.25,) * 4)
    network, split = small_network(kind, 0), random_split(1, normalization)
    quantized: QuantizeResult = round_weights(network, {"*": 8})
    model = integerize(network, quantized, split, SHAPE)
    assert model.input.scale == 1 / 255
    codes = (split.pixels.numpy() * 255).round().astype(np.int64)
    first = model.layers[0]
    sums = accumulate_reference(first.levels, first.groups, codes.reshape(16, *first.input_shape))
    sums = (sums + first.bias[:, None, None]) * first.interval * first.input_scale
    expected = network[: 2 if kind == "linear" else 1](split.images).detach().numpy()  # type: ignore[index]
    assert np.allclose(sums.reshape(expected.shape), expected, atol=1e-2)


def accumulate_reference(levels: np.ndarray, groups: int, codes: np.ndarray) -> np.ndarray:
    weights = torch.from_numpy(levels.astype(np.float64))
    return nn.functional.conv2d(torch.from_numpy(codes.astype(np.float64)), weights, groups=groups).numpy()


@pytest.mark.parametrize(
    ("layer", "std"),
    [(nn.Conv2d(4, 6, 3, padding=1), 0.5), (nn.Conv2d(4, 6, 3, padding="same"), 0.5), (nn.Conv2d(4, 6, 3), None)],
)
def test_what_the_first_layer_cannot_take_over_exactly_is_an_operation_before_it(
    layer: nn.Conv2d, std: float | None
) -> None:
    stds = (0.1, 0.2, 0.3, 0.4) if std is None else (std,) * 4
    normalization = Normalization((0.5,) * 4, stds)
    assert not is_foldable(layer, normalization)
    network = nn.Sequential(layer, nn.ReLU(), nn.Flatten(), nn.LazyLinear(3)).eval()
    split = random_split(0, normalization)
    network(split.images)
    model = integerize(network, round_weights(network, {"*": 8}), split, SHAPE)
    assert (model.nodes[0].inputs, model.nodes[1].inputs) == ((INPUT,), ("normalization",))
    affine, codes = model.nodes[0].op, model.input.encode(split.pixels.numpy())
    assert isinstance(affine, Affine)
    normalized = model.activations["normalization"]
    found = (affine.run(codes) - normalized.zero_point) * normalized.scale
    assert np.abs(found - split.images.numpy()).max() <= 0.51 * normalized.scale
