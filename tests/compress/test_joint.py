import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from compress.admm import AdmmConfig
from compress.data import Dataset
from compress.errors import CodesignError
from compress.joint import compress_jointly
from compress.progress import Update

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


def test_a_resumed_run_ends_as_an_undisturbed_one(
    small_network: nn.Module, small_data: Dataset, tmp_path: Path
) -> None:
    expected, resumed = copy.deepcopy(small_network), copy.deepcopy(small_network)
    compress_jointly(expected, small_data, ALPHAS, BITS, SHORT)

    def stop(update: Update) -> None:
        if (update.stage, update.done) == ("joint", 1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compress_jointly(small_network, small_data, ALPHAS, BITS, SHORT, tmp_path / "c", stop)
    compress_jointly(resumed, small_data, ALPHAS, BITS, SHORT, tmp_path / "c")
    for name, value in expected.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value)


def test_a_layer_without_bits_is_a_clear_error(small_network: nn.Module, small_data: Dataset) -> None:
    with pytest.raises(CodesignError, match="'0' has no weight_bits"):
        compress_jointly(small_network, small_data, ALPHAS, {"4": 3}, SHORT)
