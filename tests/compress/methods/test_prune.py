import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from compress.admm.iteration import AdmmConfig
from compress.admm.schedules import FallingCardinality
from compress.admm.split_variables import Constraint
from compress.base.errors import CodesignError
from compress.data.datasets import Dataset
from compress.methods.prune import gradual, prune_admm, prune_to
from compress.methods.registry import Target, prune
from compress.sets.balance import GroupCardinality, InputPattern
from compress.sets.constraints import Cardinality
from compress.train.training import accuracy

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


def test_stopped_after_any_step_it_ends_as_an_undisturbed_run(
    small_network: nn.Module, small_data: Dataset, assert_resumable: Callable[..., int]
) -> None:
    steps = assert_resumable(
        small_network, lambda network, *options: prune_admm(network, small_data, ALPHAS, SHORT, *options)
    )
    assert steps == SHORT.iterations + SHORT.retrain_epochs


def test_stopped_within_an_iteration_it_ends_as_an_undisturbed_run(
    small_network: nn.Module, small_data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, broken = copy.deepcopy(small_network), copy.deepcopy(small_network)
    undisturbed = prune_admm(expected, small_data, ALPHAS, SHORT)
    monkeypatch.setattr(torch.optim.Adam, "step", _stops_at(9, torch.optim.Adam.step))  # an epoch has six steps
    with pytest.raises(KeyboardInterrupt):
        prune_admm(broken, small_data, ALPHAS, SHORT, tmp_path / "c")
    monkeypatch.undo()
    assert prune_admm(small_network, small_data, ALPHAS, SHORT, tmp_path / "c").history == undisturbed.history
    for name, value in expected.state_dict().items():
        assert torch.equal(small_network.state_dict()[name], value)


def _stops_at(count: int, step: Callable[..., None]) -> Callable[..., None]:
    steps = iter(range(count))

    def stopping_step(*arguments: object) -> None:
        if next(steps) == count - 1:
            raise KeyboardInterrupt
        step(*arguments)

    return stopping_step


def test_another_runs_checkpoint_is_refused(small_network: nn.Module, small_data: Dataset, tmp_path: Path) -> None:
    start = copy.deepcopy(small_network)
    prune_admm(small_network, small_data, ALPHAS, SHORT, tmp_path / "c")
    with pytest.raises(CodesignError, match="another run: network differ"):
        prune_admm(small_network, small_data, ALPHAS, SHORT, tmp_path / "c")
    with pytest.raises(CodesignError, match=r"another run: config\.rho_last, kept differ"):
        prune_admm(start, small_data, {"4": 0.2}, replace(SHORT, rho_last=2.0), tmp_path / "c")


@pytest.mark.parametrize("alpha", [0.0, -0.1, 1.01, float("nan")])
def test_an_impossible_alpha_is_a_clear_error(small_network: nn.Module, small_data: Dataset, alpha: float) -> None:
    with pytest.raises(CodesignError, match="alpha must be above 0"):
        prune_admm(small_network, small_data, {"4": alpha}, SHORT)


def test_an_unknown_layer_is_a_clear_error(small_network: nn.Module, small_data: Dataset) -> None:
    with pytest.raises(CodesignError, match="no prunable layer 'fc'") as error:
        prune_admm(small_network, small_data, {"fc": 0.5}, SHORT)
    assert error.value.next_step == "use: 0, 4"


@pytest.mark.parametrize("sparsity_rise", [0.0, 0.5])
def test_one_cardinality_spans_the_network(small_network: nn.Module, small_data: Dataset, sparsity_rise: float) -> None:
    config = replace(SHORT, sparsity_rise=sparsity_rise)
    result = prune_to(small_network, small_data, [Constraint(("0", "4"), Cardinality(60))], config)
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
    rising = replace(SHORT, iterations=4, sparsity_rise=0.75, tolerance=1e6)  # stops as soon as the set is the last
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


def test_only_cardinalities_between_nothing_and_all_fall(small_network: nn.Module) -> None:
    stay = [
        Constraint(("4",), Cardinality(0)),
        Constraint(("4",), Cardinality(270)),
        Constraint(("4",), InputPattern(1, 4)),
        Constraint(("4",), FallingCardinality(200, 5)),
    ]
    assert gradual(small_network, stay, 0.5) == stay
    both = Constraint(("0", "4"), Cardinality(60), penalty=2.0)
    assert gradual(small_network, [both], 0.5) == [replace(both, target=FallingCardinality(297, 60, 0.5))]
    assert gradual(small_network, [both], 0.0) == [both]


@pytest.mark.parametrize("method", ["admm", "projected", "layer-wise"])
def test_batch_norms_are_measured_anew_after_the_hard_projection(method: str, small_data: Dataset) -> None:
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3)
    network = nn.Sequential(conv, norm, nn.ReLU(), nn.Flatten(), nn.Linear(108, 10)).eval()
    config = AdmmConfig(
        iterations=2, retrain_epochs=0, batch_size=16, learning_rate=1e-9, augment_shift=0, recalibrate_images=96
    )
    prune(network, small_data, method, Target(alphas={"0": 0.5}), config)
    assert norm.running_mean is not None
    torch.testing.assert_close(norm.running_mean, conv(small_data.train.images).mean((0, 2, 3)).detach())
