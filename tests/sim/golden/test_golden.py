"""The golden model against torch on the same integers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from compress.base.errors import CodesignError
from compress.model.compressed_model import CompressedModel
from compress.model.layer import CompressedLayer, LayerKind, largest_level
from compress.model.pool import Pool, PoolKind
from compress.model.requantization import Requantization
from sim.golden.golden import accumulate, accumulator_range, pool, quantize_input, requantize, run_layer, run_model
from tests.drawn import draw_activations, draw_levels, layers, make_layer


@given(layers(), st.integers(1, 3))
def test_sums_equal_torch(layer: CompressedLayer, batch: int) -> None:
    activations = draw_activations(layer, batch, seed=1)
    (top, left), (bottom, right) = layer.padding, layer.padding_end or layer.padding
    codes = torch.from_numpy(activations.astype(np.int64)).double()
    want = functional.conv2d(
        functional.pad(codes, (left, right, top, bottom), value=layer.input_zero_point),
        torch.from_numpy(layer.levels.astype(np.int64)).double(),
        torch.from_numpy(layer.bias.astype(np.int64)).double(),
        stride=layer.stride,
        dilation=layer.dilation,
    )
    np.testing.assert_array_equal(accumulate(layer, activations), want.numpy().astype(np.int64))


@given(layers(), st.integers(0, 2**16))
def test_the_largest_levels_and_activations_give_exact_sums(layer: CompressedLayer, seed: int) -> None:
    random = np.random.default_rng(seed)
    levels = largest_level(layer.weight_bits) * random.choice([-1, 1], (len(layer.levels), 600, 3, 3))
    wide = make_layer(levels.astype(np.int16), layer.weight_bits, 3, 3, act_bits=8)
    activations = random.choice([254, 255], (2, 600, 3, 3)).astype(np.uint8)
    want = np.einsum("kcrs,ncrs->nk", levels, activations.astype(np.int64)) + wide.bias
    np.testing.assert_array_equal(accumulate(wide, activations)[:, :, 0, 0], want)


def test_sums_past_the_integers_of_float32_are_exact() -> None:
    levels = np.full((1, 517, 1, 1), 128, np.int16)
    levels[0, 516] = 1
    layer = make_layer(levels, 8, 1, 1, bias=np.zeros(1, np.int32))
    activations = np.full((1, 517, 1, 1), 255, np.uint8)
    want = 516 * 128 * 255 + 255
    assert want > 2**24
    assert int(np.float32(want)) != want
    assert accumulate(layer, activations).item() == want


def test_grouped_sums_equal_torch() -> None:
    layer = make_layer(draw_levels((6, 2, 3, 3), 4, 0.5, 1), 4, 7, 7, groups=3, input_shape=(6, 7, 7), stride=(2, 2))
    activations = draw_activations(layer, 2, seed=1)
    weights, bias = torch.from_numpy(layer.levels.astype(np.float64)), torch.from_numpy(layer.bias.astype(np.float64))
    inputs = torch.from_numpy(activations).double()
    want = functional.conv2d(inputs, weights, bias, stride=2, groups=3)
    np.testing.assert_array_equal(accumulate(layer, activations), want.numpy().astype(np.int64))


@given(layers())
def test_no_activations_leave_the_stated_range(layer: CompressedLayer) -> None:
    low, high = accumulator_range(layer)
    top = (1 << layer.act_bits) - 1
    for sign in (1, -1):
        worst = layer.levels.reshape(len(layer.levels), -1).astype(np.int64) * sign > 0
        sums = layer.bias + sign * top * (np.abs(layer.levels.reshape(len(worst), -1).astype(np.int64)) * worst).sum(1)
        assert low <= sums.min()
        assert sums.max() <= high
    sums = accumulate(layer, draw_activations(layer, 2, seed=3))
    assert low <= sums.min()
    assert sums.max() <= high


def test_halves_round_up_and_both_ends_saturate() -> None:
    sums = np.array([-3, -1, 1, 3, 10_000, -10_000])
    half = Requantization(1, 1)
    assert requantize(sums, half, 8, relu=True).tolist() == [0, 0, 1, 2, 255, 0]
    assert requantize(sums, half, 8, relu=False).tolist() == [-1, 0, 1, 2, 127, -128]


@pytest.mark.parametrize("kind", PoolKind)
def test_pooling_equals_torch(kind: PoolKind) -> None:
    values = np.random.default_rng(0).integers(0, 256, (2, 3, 7, 8)).astype(np.int16)
    got = pool(values, Pool(kind, (3, 2), (2, 2)))
    tensor = torch.from_numpy(values).double()
    if kind is PoolKind.MAX:
        want = functional.max_pool2d(tensor, (3, 2), 2)
    else:
        want = torch.floor(functional.avg_pool2d(tensor, (3, 2), 2) + 0.5 + 1e-9)
    np.testing.assert_array_equal(got, want.numpy().astype(np.int16))


def test_a_network_is_its_layers_in_turn() -> None:
    pooling = Pool(PoolKind.MAX, (2, 2), (2, 2))
    first = make_layer(draw_levels((4, 1, 3, 3), 4, 0.5, 1), 4, 6, 6, padding=(1, 1), pool=pooling)
    second = make_layer(draw_levels((3, 36, 1, 1), 4, 0.5, 2), 4, 1, 1, name="fc", kind=LayerKind.LINEAR, relu=False)
    model = CompressedModel.chain((first, second), {})
    inputs = draw_activations(first, 5, seed=1)
    middle = pool(run_layer(first, inputs), pooling).reshape(5, 36, 1, 1).astype(np.uint8)
    np.testing.assert_array_equal(run_model(model, inputs), run_layer(second, middle)[:, :, 0, 0])


def test_images_are_clipped_to_the_first_layers_range() -> None:
    layer = replace(make_layer(draw_levels((1, 1, 1, 1), 4, 1.0, 1), 4, 1, 3), input_scale=1 / 255)
    images = np.array([[[[-0.5, 100 / 255, 2.0]]]], np.float32)
    assert quantize_input(CompressedModel.chain((layer,), {}), images).ravel().tolist() == [0, 100, 255]


def test_images_are_flattened_for_a_linear_first_layer() -> None:
    layer = make_layer(draw_levels((3, 36, 1, 1), 4, 0.5, 2), 4, 1, 1, kind=LayerKind.LINEAR)
    images = np.arange(72, dtype=np.float32).reshape(2, 1, 6, 6)
    assert quantize_input(CompressedModel.chain((layer,), {}), images).tolist() == images.reshape(2, 36).tolist()


def test_wrong_inputs_are_refused() -> None:
    layer = make_layer(draw_levels((1, 2, 1, 1), 4, 1.0, 1), 4, 2, 2)
    with pytest.raises(CodesignError, match="reads"):
        run_layer(layer, np.zeros((1, 3, 2, 2), np.uint8))
