import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from compress.admm import AdmmConfig
from compress.balance import GroupCardinality, InputPattern
from compress.constraints import Cardinality
from compress.data import Dataset
from compress.errors import CodesignError
from compress.progress import Update
from compress.prune import kept_count, magnitude_mask, prune_admm, prune_to
from compress.split import Constraint
from compress.training import accuracy

SHORT = AdmmConfig(iterations=2, batch_size=16, retrain_epochs=2)
ALPHAS = {"0": 1.0, "4": 0.1}


def test_exactly_alpha_of_each_layer_is_kept(small_network: nn.Module, small_data: Dataset) -> None:
    result = prune_admm(small_network, small_data, ALPHAS, SHORT)
    weight = small_network.get_parameter("4.weight")
    assert int(result.masks["4"].sum()) == 27
    assert torch.equal(weight != 0, result.masks["4"])
    assert len(result.history) == 2
    assert len(result.retraining) == 2


def test_the_weights_that_admm_left_are_kept_as_they_were_before_the_projection(
    small_network: nn.Module, small_data: Dataset
) -> None:
    result = prune_admm(small_network, small_data, ALPHAS, replace(SHORT, retrain_epochs=0))
    assert result.admm_weights.keys() == {"0", "4"}
    left = result.admm_weights["4"]
    assert int((left != 0).sum()) > 27
    assert torch.equal(Cardinality(27).project(left), small_network.get_parameter("4.weight").detach())


@pytest.mark.parametrize("alphas", [{}, {"0": 1.0, "4": 1.0}])
def test_a_layer_with_alpha_one_keeps_every_weight(
    small_network: nn.Module, small_data: Dataset, alphas: dict[str, float]
) -> None:
    result = prune_admm(small_network, small_data, alphas, SHORT)
    assert all(bool(mask.all()) for mask in result.masks.values())
    assert result.history == ()


def test_digits_keep_their_accuracy_at_six_percent(trained: nn.Module, digits: Dataset) -> None:
    dense = accuracy(trained, digits.validation)
    alphas = {"conv1": 0.4, "conv2": 0.07, "fc1": 0.05, "fc2": 0.3}
    prune_admm(trained, digits, alphas, AdmmConfig(iterations=30, retrain_epochs=15))
    assert accuracy(trained, digits.validation) >= dense - 0.015


@pytest.mark.parametrize("stop_at", [("prune", 1), ("prune", 2), ("retrain", 1), ("retrain", 2)])
def test_a_resumed_run_ends_as_an_undisturbed_one(
    small_network: nn.Module, small_data: Dataset, tmp_path: Path, stop_at: tuple[str, int]
) -> None:
    expected = copy.deepcopy(small_network)
    undisturbed = prune_admm(expected, small_data, ALPHAS, SHORT)

    def stop(update: Update) -> None:
        if (update.stage, update.done) == stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prune_admm(copy.deepcopy(small_network), small_data, ALPHAS, SHORT, tmp_path / "c", stop)
    resumed = copy.deepcopy(small_network)
    result = prune_admm(resumed, small_data, ALPHAS, SHORT, tmp_path / "c")
    assert (result.history, result.retraining) == (undisturbed.history, undisturbed.retraining)
    for name, weight in undisturbed.admm_weights.items():
        assert torch.equal(result.admm_weights[name], weight)
    for name, value in expected.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value)


def test_another_runs_checkpoint_is_refused(small_network: nn.Module, small_data: Dataset, tmp_path: Path) -> None:
    start = copy.deepcopy(small_network)
    prune_admm(small_network, small_data, ALPHAS, SHORT, tmp_path / "c")
    with pytest.raises(CodesignError, match="another run: network differ"):
        prune_admm(small_network, small_data, ALPHAS, SHORT, tmp_path / "c")
    with pytest.raises(CodesignError, match=r"another run: config\.rho_last, kept differ"):
        prune_admm(start, small_data, {"4": 0.2}, replace(SHORT, rho_last=2.0), tmp_path / "c")


@given(st.integers(1, 10**6), st.floats(1e-6, 1))
def test_kept_counts_are_rounded_and_never_zero(size: int, alpha: float) -> None:
    count = kept_count(size, alpha)
    assert 1 <= count <= size
    assert count == 1 or abs(count - alpha * size) <= 0.5


@pytest.mark.parametrize("alpha", [0.0, -0.1, 1.01, float("nan")])
def test_an_impossible_alpha_is_a_clear_error(small_network: nn.Module, small_data: Dataset, alpha: float) -> None:
    with pytest.raises(CodesignError, match="alpha must be above 0"):
        prune_admm(small_network, small_data, {"4": alpha}, SHORT)


def test_an_unknown_layer_is_a_clear_error(small_network: nn.Module, small_data: Dataset) -> None:
    with pytest.raises(CodesignError, match="no prunable layer 'fc'") as error:
        prune_admm(small_network, small_data, {"fc": 0.5}, SHORT)
    assert error.value.next_step == "use: 0, 4"


def test_the_magnitude_mask_keeps_the_largest() -> None:
    mask = magnitude_mask(torch.tensor([[0.1, -3.0], [2.0, 0.0]]), alpha=0.5)
    assert mask.tolist() == [[False, True], [True, False]]


def test_one_cardinality_spans_the_network(small_network: nn.Module, small_data: Dataset) -> None:
    result = prune_to(small_network, small_data, [Constraint(("0", "4"), Cardinality(60))], SHORT)
    assert sum(int(mask.sum()) for mask in result.masks.values()) == 60


@pytest.mark.parametrize("target", [GroupCardinality(3, groups=3), InputPattern(1, 4)])
def test_any_sparse_set_can_be_pruned_to(
    target: GroupCardinality | InputPattern, small_network: nn.Module, small_data: Dataset
) -> None:
    result = prune_to(small_network, small_data, [Constraint(("4",), target)], SHORT)
    weight = small_network.get_parameter("4.weight").detach()
    assert torch.equal(target.project(weight), weight)
    assert 0 < int(result.masks["4"].sum()) <= 90
    assert bool(result.masks["0"].all())


def test_patterns_rising_sparsity_and_penalties_per_layer(small_network: nn.Module, small_data: Dataset) -> None:
    rising = replace(SHORT, iterations=4, sparsity_rise=0.75, tolerance=1e9)  # stops as soon as the set is the last
    result = prune_admm(small_network, small_data, {"*": 0.5, "4": 0.1}, rising, penalties={"4": 3.0})
    assert (int(result.masks["0"].sum()), int(result.masks["4"].sum())) == (14, 27)
    assert len(result.history) == 3


def test_grouped_and_depthwise_convolutions_are_pruned(small_data: Dataset) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 8, 1, groups=2), nn.Flatten(), nn.Linear(128, 10)
    )
    result = prune_admm(network, small_data, {"*": 0.25}, replace(SHORT, iterations=1))
    assert {name: int(mask.sum()) for name, mask in result.masks.items()} == {"0": 9, "1": 9, "2": 4, "4": 320}
