from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.data.datasets import Dataset
from compress.methods.joint import compress_jointly
from compress.methods.quantize import PORTIONS

SHORT = AdmmConfig(iterations=2, batch_size=16, retrain_epochs=1)
ALPHAS, BITS = {"4": 0.3}, {"*": 3}


def test_weights_are_few_and_on_their_levels(small_network: nn.Module, small_data: Dataset) -> None:
    result = compress_jointly(small_network, small_data, ALPHAS, BITS, replace(SHORT, sparsity_rise=0.5))
    quantized = result.quantized
    for name in ("0", "4"):
        weight = small_network.get_parameter(f"{name}.weight").detach()
        assert torch.equal(weight, quantized.levels[name].float() * quantized.intervals[name])
        assert torch.equal(weight != 0, result.pruned.masks[name])
    assert int(result.pruned.masks["4"].sum()) == 81
    assert bool(result.pruned.masks["0"].all())


def test_both_split_variables_have_residuals(small_network: nn.Module, small_data: Dataset) -> None:
    result = compress_jointly(small_network, small_data, ALPHAS, BITS, SHORT)
    names = [residual.constraint for residual in result.quantized.history[0].residuals]
    assert names == ["4", "0", "4"]  # Z of layer 4, then Y of both


def test_joint_admm_brings_weights_close_to_both_sets(small_network: nn.Module, small_data: Dataset) -> None:
    long = AdmmConfig(iterations=40, batch_size=16, rho_first=1, rho_last=10, learning_rate=1e-2, tolerance=0)
    steps = compress_jointly(small_network, small_data, ALPHAS, BITS, replace(long, retrain_epochs=0)).pruned.history
    first, last = (
        max(residual.primal / residual.size for residual in step.residuals) for step in (steps[0], steps[-1])
    )
    assert last < first / 3


@pytest.mark.parametrize("sparsity_rise", [0.0, 0.5])
def test_stopped_after_any_step_it_ends_as_an_undisturbed_run(
    small_network: nn.Module, small_data: Dataset, assert_resumable: Callable[..., int], sparsity_rise: float
) -> None:
    config = replace(SHORT, sparsity_rise=sparsity_rise)
    steps = assert_resumable(
        small_network, lambda network, *options: compress_jointly(network, small_data, ALPHAS, BITS, config, *options)
    )
    assert steps == SHORT.iterations + len(PORTIONS) * SHORT.retrain_epochs


def test_a_layer_without_bits_is_a_clear_error(small_network: nn.Module, small_data: Dataset) -> None:
    with pytest.raises(CodesignError, match="'0' has no weight_bits"):
        compress_jointly(small_network, small_data, ALPHAS, {"4": 3}, SHORT)
