"""From networks with branches to integers: answers stay close, and what runs where is as it should be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from compress.base.errors import CodesignError
from compress.data.datasets import Split
from compress.data.normalization import Normalization
from compress.lowering.fusion import fuse
from compress.lowering.integerize import check_integerizable, integerize
from compress.methods.post_training import round_weights
from compress.methods.quantize import QuantizeResult
from compress.model.compressed_model import CompressedModel
from compress.model.layer import CompressedLayer
from compress.model.ops.affine import Affine
from compress.model.ops.lookup import Lookup
from compress.model.pool import PoolKind
from compress.networks.capture.capture import capture
from compress.networks.fold import fold_batch_norms
from tests.compress.lowering.random_networks import BLOCKS, random_network

RunInteger = Callable[[CompressedModel, Split], Tensor]
SHAPE = (2, 9, 8)

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")


def rounded(network: nn.Module) -> QuantizeResult:
    """Every weight on its closest 8-bit level."""
    return round_weights(network, {"*": 8})


def images(count: int, seed: int = 0, shape: tuple[int, int, int] = SHAPE) -> Split:
    pixels = torch.rand(count, *shape, generator=torch.Generator().manual_seed(seed))
    return Split(torch.floor(pixels * 255 + 0.5) / 255, torch.zeros(count, dtype=torch.int64))


def real(model: CompressedModel, codes: Tensor) -> Tensor:
    return (codes - model.output.zero_point) * model.output.scale


@given(st.lists(st.sampled_from(list(BLOCKS)), max_size=3), st.integers(0, 100))
@settings(deadline=None, max_examples=15)
def test_integer_answers_stay_close_to_the_networks(run_integer: RunInteger, names: list[str], seed: int) -> None:
    network = fold_batch_norms(random_network(names, seed), SHAPE)
    split = images(40, seed)
    model = integerize(network, rounded(network), split, SHAPE)
    expected = network(split.images).detach().double()
    found = real(model, run_integer(model, split))
    spread = float(expected.std(dim=0).max() + expected.abs().mean())
    assert float((found - expected).abs().mean()) <= 0.1 * spread


@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_alone_is_close(run_integer: RunInteger, block: str) -> None:
    network = fold_batch_norms(random_network([block], 1), SHAPE)
    split = images(64)
    model = integerize(network, rounded(network), split, SHAPE)
    expected = network(split.images).detach().double()
    assert float((real(model, run_integer(model, split)) - expected).abs().max()) <= 0.06 * float(expected.abs().max())


def test_relus_and_plain_pooling_cost_no_operation() -> None:
    network = random_network(["relu", "pool, relu", "residual"], 0)
    model = integerize(network, rounded(network), images(8), SHAPE)
    kinds = [type(node.op).__name__ for node in model.nodes]
    assert "Lookup" not in kinds
    assert kinds.count("CompressedLayer") == len(model.layers) == 5


class Mixed(nn.Module):
    """A ReLU's result beside negative numbers: they share a scale, so the ReLU is no saturation."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 3, 1), nn.Conv2d(2, 3, 1)
        self.last = nn.Conv2d(6, 2, 1)

    def forward(self, maps: Tensor) -> Tensor:
        result: Tensor = self.last(torch.cat([functional.relu(self.first(maps)), self.second(maps)], 1))
        return result


def test_a_relu_beside_negative_numbers_is_an_operation_of_its_own(run_integer: RunInteger) -> None:
    torch.manual_seed(0)
    network, split = Mixed().eval(), images(64)
    model = integerize(network, rounded(network), split, SHAPE)
    assert [type(node.op) for node in model.nodes if isinstance(node.op, Lookup)] == [Lookup]
    expected = network(split.images).detach().double().flatten(1)
    assert float((real(model, run_integer(model, split)) - expected).abs().max()) <= 0.03 * float(expected.abs().max())


def test_global_average_pooling_behind_a_relu_is_the_layers() -> None:
    network = nn.Sequential(nn.Conv2d(2, 3, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    steps, _ = fuse(capture(network, SHAPE))
    pool = steps[0].pool
    assert pool is not None
    assert (pool.kind, pool.kernel) == (PoolKind.AVERAGE, (9, 8))


@pytest.mark.parametrize(("padding", "std", "host"), [(1, 0.3, True), (0, 0.3, False), (0, None, True)])
def test_normalization_is_the_first_layers_where_that_is_exact(
    run_integer: RunInteger, padding: int, std: float | None, host: bool
) -> None:
    torch.manual_seed(0)
    layers = [nn.Conv2d(2, 4, 3, padding=padding), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 3)]
    network = nn.Sequential(*layers).eval()
    normalization = Normalization((0.4, 0.5), (0.2, 0.3) if std is None else (std, std))
    pixels = images(64)
    split = Split(normalization.apply(pixels.images), pixels.labels, normalization=normalization)
    model = integerize(network, rounded(network), split, SHAPE)
    assert any(isinstance(node.op, Affine) for node in model.nodes) is host
    expected = network(split.images).detach().double()
    assert float((real(model, run_integer(model, split)) - expected).abs().max()) <= 0.05 * float(expected.abs().max())


def test_biases_hold_the_zero_points_exactly() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Conv2d(3, 3, 3, padding=1), nn.Flatten(), nn.Linear(126, 2)).eval()
    model = integerize(network, rounded(network), images(64), SHAPE)
    for layer, module in zip(model.layers, (network[0], network[1], network[3]), strict=True):
        unit = layer.interval * layer.input_scale
        bias = module.bias
        assert isinstance(bias, Tensor)
        assert isinstance(layer, CompressedLayer)
        real_bias = (layer.bias - layer.zero_point_sums()) * unit
        np.testing.assert_allclose(real_bias, bias.detach().numpy(), rtol=0, atol=unit / 2 + 1e-9)


class Attention(nn.Module):
    """What no integer operation does."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 1)

    def forward(self, maps: Tensor) -> Tensor:
        return torch.softmax(self.conv(maps), 1)


def test_an_operation_that_we_lack_is_refused_by_name() -> None:
    with pytest.raises(CodesignError, match=r"'softmax' \(aten.softmax.int\) has no integer operation"):
        check_integerizable(Attention(), SHAPE)


@given(st.lists(st.sampled_from(list(BLOCKS)), max_size=4), st.integers(0, 100))
@settings(deadline=None, max_examples=15)
def test_what_is_known_to_become_integers_does(names: list[str], seed: int) -> None:
    check_integerizable(random_network(names, seed), SHAPE)


class Capped(nn.Module):
    """A capped ReLU beside larger numbers that share its scale: the images, or another layer's."""

    def __init__(self, cap: Callable[[Tensor], Tensor], pooled: bool, beside_layer: bool) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 3, 3, padding=1)
        self.second = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU()) if beside_layer else nn.Identity()
        self.cap, self.pooled = cap, pooled

    def forward(self, images: Tensor) -> Tensor:
        parts = [self.cap(self.first(images)), self.second(images)]
        return torch.cat([functional.max_pool2d(part, 2) if self.pooled else part for part in parts], 1)


@pytest.mark.parametrize("beside_layer", [False, True])
@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("cap", [lambda maps: functional.hardtanh(maps, 0.0, 0.1), lambda maps: maps.clamp(0, 0.1)])
def test_a_capped_relu_stays_capped_where_it_shares_a_scale(
    run_integer: RunInteger, cap: Callable[[Tensor], Tensor], pooled: bool, beside_layer: bool
) -> None:
    torch.manual_seed(0)
    network = Capped(cap, pooled, beside_layer)
    split = images(40)
    model = integerize(network, rounded(network), split, SHAPE)
    expected = network(split.images).detach().flatten(1)
    found = real(model, run_integer(model, split))
    torch.testing.assert_close(found, expected.double(), atol=4 * model.output.scale, rtol=0)


class Clamped(nn.Module):
    """A layer whose results a clamp makes all the same."""

    def __init__(self, lowest: float, highest: float) -> None:
        super().__init__()
        self.conv, self.lowest, self.highest = nn.Conv2d(2, 3, 3), lowest, highest

    def forward(self, images: Tensor) -> Tensor:
        return torch.clamp(self.conv(images), self.lowest, self.highest)


@pytest.mark.parametrize("limits", [(0.0, 0.0), (0.0, -1.0)])
def test_a_clamp_to_no_positive_number_is_no_relu(run_integer: RunInteger, limits: tuple[float, float]) -> None:
    network, split = Clamped(*limits), images(10)
    model = integerize(network, rounded(network), split, SHAPE)
    assert real(model, run_integer(model, split)).unique().tolist() == [pytest.approx(limits[1])]
