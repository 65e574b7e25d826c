from collections.abc import Callable

import pytest
import torch
from torch import nn

from compress.admm import AdmmConfig
from compress.baselines import prune_iteratively, prune_one_shot, prune_projected
from compress.data import Dataset
from compress.errors import CodesignError
from compress.progress import Update
from compress.prune import PruneResult, magnitude_mask, prune_admm

CONFIG = AdmmConfig(iterations=3, batch_size=16, retrain_epochs=2, tolerance=0)
ALPHAS = {"4": 0.1}
METHODS = [prune_one_shot, prune_iteratively, prune_projected]


@pytest.mark.parametrize("method", [*METHODS, prune_admm])
def test_every_method_keeps_as_many_weights_in_as_many_epochs(
    method: Callable[..., PruneResult], small_network: nn.Module, small_data: Dataset
) -> None:
    result = method(small_network, small_data, ALPHAS, CONFIG)
    assert int(result.masks["4"].sum()) == 27
    assert bool(result.masks["0"].all())
    assert torch.equal(small_network.get_parameter("4.weight") != 0, result.masks["4"])
    assert len(result.history) + len(result.retraining) == CONFIG.epochs == 5


def test_one_shot_keeps_the_largest_of_the_start(small_network: nn.Module, small_data: Dataset) -> None:
    expected = magnitude_mask(small_network.get_parameter("4.weight"), 0.1)
    assert torch.equal(prune_one_shot(small_network, small_data, ALPHAS, CONFIG).masks["4"], expected)


def test_projected_gradient_may_change_its_mind(small_network: nn.Module, digits: Dataset) -> None:
    start = magnitude_mask(small_network.get_parameter("4.weight"), 0.1)
    config = AdmmConfig(iterations=2, batch_size=16, learning_rate=1e-2, retrain_epochs=1)
    assert not torch.equal(prune_projected(small_network, digits, ALPHAS, config).masks["4"], start)


def test_iterative_pruning_takes_equal_portions(small_network: nn.Module, small_data: Dataset) -> None:
    seen: list[tuple[str, int]] = []

    def look(update: Update) -> None:
        seen.append((update.stage, int(small_network.get_parameter("4.weight").count_nonzero())))

    prune_iteratively(small_network, small_data, {"4": 0.01}, CONFIG, look, rounds=2)
    assert seen == [("round 1 of 2", 27)] * 2 + [("round 2 of 2", 3)] * 3


def test_more_rounds_than_epochs_are_a_clear_error(small_network: nn.Module, small_data: Dataset) -> None:
    with pytest.raises(CodesignError, match="6 rounds"):
        prune_iteratively(small_network, small_data, ALPHAS, CONFIG, rounds=6)
