import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.data.datasets import Dataset
from compress.methods.quantize import PORTIONS, quantize_admm
from compress.sets.constraints import Levels
from compress.sets.masks import apply_masks, magnitude_mask
from compress.train.training import accuracy

SHORT = AdmmConfig(iterations=2, batch_size=16, retrain_epochs=1)
BITS = {"0": 3, "4": 2}


def masks_of(network: nn.Module) -> dict[str, torch.Tensor]:
    return {"4": magnitude_mask(network.get_parameter("4.weight"), 0.3)}


def test_weights_are_levels_times_interval(small_network: nn.Module, small_data: Dataset) -> None:
    masks = masks_of(small_network)
    result = quantize_admm(small_network, small_data, masks, BITS, SHORT)
    for name, levels in result.levels.items():
        weight = small_network.get_parameter(f"{name}.weight").detach()
        assert torch.equal(weight, levels.float() * result.intervals[name])
        assert int(levels.abs().max()) <= 2 ** (BITS[name] - 1)
    assert torch.equal(result.levels["4"] != 0, masks["4"])
    assert len(result.history) == 2
    assert len(result.retraining) == 4


def test_the_weights_that_admm_left_are_kept_as_they_were_before_the_levels(
    small_network: nn.Module, small_data: Dataset
) -> None:
    result = quantize_admm(small_network, small_data, masks_of(small_network), BITS, replace(SHORT, retrain_epochs=0))
    for name, levels in result.levels.items():
        left = result.admm_weights[name]
        target = Levels(BITS[name], result.intervals[name], levels != 0)
        assert not torch.equal(left, target.project(left))
        assert torch.equal(target.levels(left), levels)


def test_a_dense_layer_has_no_zeros_even_from_exact_zeros(small_network: nn.Module, small_data: Dataset) -> None:
    with torch.no_grad():
        small_network.get_parameter("0.weight")[0] = 0.0
    config = AdmmConfig(iterations=1, batch_size=96, retrain_epochs=0, learning_rate=1e-12)
    result = quantize_admm(small_network, small_data, {}, BITS, config)
    assert all(bool((levels != 0).all()) for levels in result.levels.values())


def test_stopped_after_any_step_it_ends_as_an_undisturbed_run(
    small_network: nn.Module, small_data: Dataset, assert_resumable: Callable[..., int]
) -> None:
    masks = masks_of(small_network)
    steps = assert_resumable(
        small_network, lambda network, *options: quantize_admm(network, small_data, masks, BITS, SHORT, *options)
    )
    assert steps == SHORT.iterations + len(PORTIONS) * SHORT.retrain_epochs


def test_other_masks_are_another_run(small_network: nn.Module, small_data: Dataset, tmp_path: Path) -> None:
    start, masks = copy.deepcopy(small_network), masks_of(small_network)
    quantize_admm(small_network, small_data, masks, BITS, SHORT, tmp_path / "c")
    with pytest.raises(CodesignError, match="another run: masks differ"):
        quantize_admm(start, small_data, {"4": masks["4"].flip(0)}, BITS, SHORT, tmp_path / "c")


def test_admm_quantization_beats_rounding_at_two_bits(trained: nn.Module, digits: Dataset) -> None:
    bits = dict.fromkeys(("conv1", "conv2", "fc1", "fc2"), 2)
    masks = {"conv2": magnitude_mask(trained.get_parameter("conv2.weight"), 0.5)}
    apply_masks(trained, masks)
    rounded = copy.deepcopy(trained)
    quantize_admm(rounded, digits, masks, bits, AdmmConfig(iterations=1, retrain_epochs=0, learning_rate=1e-12))
    quantize_admm(trained, digits, masks, bits, AdmmConfig(iterations=10, retrain_epochs=4))
    assert accuracy(trained, digits.validation) >= 0.97
    assert accuracy(trained, digits.validation) > accuracy(rounded, digits.validation)


@pytest.mark.parametrize(
    ("masks", "bits", "portions", "cause"),
    [
        ({}, {"0": 3}, (1.0,), "'4' has no weight_bits"),
        ({}, {"0": 3, "4": 9}, (1.0,), "weight_bits must be"),
        ({}, {"0": 3, "4": 2, "5": 2}, (1.0,), "no prunable layer '5'"),
        ({"9": torch.ones(1, dtype=torch.bool)}, BITS, (1.0,), "no prunable layer '9'"),
        ({"4": torch.ones(1, dtype=torch.bool)}, BITS, (1.0,), "mask of '4'"),
        ({"4": torch.ones(10, 27)}, BITS, (1.0,), "mask of '4'"),
        ({}, BITS, (0.5, 0.9), "portions"),
        ({}, BITS, (0.9, 0.5, 1.0), "portions"),
        ({}, BITS, (), "portions"),
    ],
)
def test_impossible_arguments_are_a_clear_error(
    small_network: nn.Module,
    small_data: Dataset,
    masks: dict[str, torch.Tensor],
    bits: dict[str, int],
    portions: tuple[float, ...],
    cause: str,
) -> None:
    with pytest.raises(CodesignError, match=cause):
        quantize_admm(small_network, small_data, masks, bits, SHORT, portions=portions)
