"""Weights read as their projections while what is behind them is trained."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.data.datasets import Dataset
from compress.methods.quantize import quantize_admm
from compress.methods.registry import prune
from compress.methods.straight_through import on_levels
from compress.methods.target import Target
from compress.sets.constraints import Levels
from compress.sets.masks import magnitude_mask
from compress.train.training import accuracy

CONFIG = AdmmConfig(iterations=1, batch_size=16, retrain_epochs=0, straight_through=2)
BITS = {"0": 2, "4": 2}


def test_the_forward_pass_has_levels_and_the_gradient_moves_what_is_behind() -> None:
    layer = nn.Linear(5, 3)
    weight = layer.weight.detach().clone()
    target = Levels(2, 0.25, weight.abs() > 0.1)
    images = torch.randn(4, 5)
    on_grid = nn.Linear(5, 3)
    on_grid.load_state_dict({"weight": target.project(weight), "bias": layer.bias.detach()})
    with on_levels(nn.Sequential(layer), {"0": target}):
        outputs = layer(images)
        assert torch.equal(outputs, on_grid(images))
        outputs.square().sum().backward()
        (behind,) = (value for name, value in layer.named_parameters() if name.endswith("original"))
        assert torch.equal(behind, weight)
        on_grid(images).square().sum().backward()
        assert torch.equal(behind.grad, on_grid.weight.grad)  # type: ignore[arg-type]
    assert torch.equal(layer.weight, target.project(weight))
    assert isinstance(layer.weight, nn.Parameter)
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]


def test_the_network_is_a_plain_one_again_where_training_fails() -> None:
    layer = nn.Linear(5, 3, bias=False)
    with pytest.raises(KeyError), on_levels(nn.Sequential(layer), {"0": Levels(2, 0.25)}):
        raise KeyError
    assert type(layer) is nn.Linear
    assert list(dict(layer.named_parameters())) == ["weight"]


def test_all_weights_end_on_levels_and_pruned_ones_at_zero(small_network: nn.Module, small_data: Dataset) -> None:
    masks = {"4": magnitude_mask(small_network.get_parameter("4.weight"), 0.3)}
    result = quantize_admm(small_network, small_data, masks, BITS, CONFIG)
    for name, levels in result.levels.items():
        weight = small_network.get_parameter(f"{name}.weight").detach()
        assert torch.equal(weight, levels.float() * result.intervals[name])
    assert torch.equal(result.levels["4"] != 0, masks["4"])
    assert len(result.retraining) == CONFIG.straight_through


def test_training_chooses_better_levels_than_rounding_at_two_bits(trained: nn.Module, digits: Dataset) -> None:
    bits = dict.fromkeys(("conv1", "conv2", "fc1", "fc2"), 2)
    rounded = copy.deepcopy(trained)
    config = AdmmConfig(iterations=1, retrain_epochs=0, learning_rate=1e-12)
    nearest = quantize_admm(rounded, digits, {}, bits, config)
    chosen = quantize_admm(trained, digits, {}, bits, replace(config, straight_through=4, learning_rate=2e-3))
    assert any(not torch.equal(nearest.levels[name], chosen.levels[name]) for name in bits)
    assert accuracy(trained, digits.validation) > accuracy(rounded, digits.validation)
    assert accuracy(trained, digits.validation) >= 0.97


def test_stopped_after_any_step_it_ends_as_an_undisturbed_run(
    small_network: nn.Module, small_data: Dataset, assert_resumable: Callable[..., int]
) -> None:
    config = replace(CONFIG, retrain_epochs=1)
    steps = assert_resumable(
        small_network, lambda network, *options: quantize_admm(network, small_data, {}, BITS, config, *options)
    )
    assert steps == 1 + CONFIG.straight_through + 1


def test_pruning_alone_refuses_it(small_network: nn.Module, small_data: Dataset) -> None:
    with pytest.raises(CodesignError, match="straight_through is of quantization, and method 'admm' only prunes"):
        prune(small_network, small_data, "admm", Target(ratio=2), CONFIG)
