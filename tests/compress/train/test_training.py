import copy
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from compress.base.errors import CodesignError
from compress.base.progress import Update
from compress.data.datasets import Dataset
from compress.train.checkpoint import Checkpoint, describe_run
from compress.train.epoch import evaluate
from compress.train.training import FixedWeights, TrainingConfig, accuracy, train

SHORT = TrainingConfig(epochs=3, batch_size=16)


def weights(network: nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


def test_digits_net_reaches_97_percent(trained: nn.Module, digits: Dataset) -> None:
    assert accuracy(trained, digits.test) >= 0.97


def test_one_seed_gives_one_result(small_network: nn.Module, small_data: Dataset) -> None:
    first, again, other = (copy.deepcopy(small_network) for _ in range(3))
    history = train(first, small_data, SHORT)
    torch.rand(5)  # the caller's random state does not matter
    assert train(again, small_data, SHORT) == history
    assert train(other, small_data, TrainingConfig(epochs=3, batch_size=16, seed=1)) != history
    assert torch.equal(weights(first), weights(again))


def test_the_best_validated_epoch_is_kept(small_network: nn.Module, small_data: Dataset) -> None:
    wild = TrainingConfig(epochs=6, batch_size=16, learning_rate=0.3)
    history = train(small_network, small_data, wild)
    start = evaluate(small_network, small_data.validation)
    best = max((record.validation_accuracy, -record.validation_loss) for record in history)
    assert (start[1], -start[0]) >= best
    assert not small_network.training


def test_progress_counts_epochs_and_tells_their_figures(small_network: nn.Module, small_data: Dataset) -> None:
    seen: list[Update] = []
    history = train(small_network, small_data, SHORT, seen.append)
    told = [{"loss": r.training_loss, "validation accuracy": r.validation_accuracy} for r in history]
    assert seen == [Update("train", done, 3, figures) for done, figures in enumerate(told, 1)]


def test_fixed_weights_do_not_move_and_the_others_do(small_network: nn.Module, small_data: Dataset) -> None:
    layer = small_network.get_parameter("4.weight")
    before = layer.detach().clone()
    mask = torch.rand(layer.shape, generator=torch.Generator().manual_seed(0)) < 0.5
    train(small_network, small_data, SHORT, fixed=FixedWeights(small_network, {"4": mask}))
    assert torch.equal(layer[mask], before[mask])
    assert (layer != before)[~mask].float().mean() > 0.9


def test_an_interrupted_run_ends_as_an_undisturbed_one(
    small_network: nn.Module, small_data: Dataset, tmp_path: Path
) -> None:
    config = TrainingConfig(epochs=4, batch_size=16)
    expected = copy.deepcopy(small_network)
    history = train(expected, small_data, config)

    def stop(update: Update) -> None:
        if update.done == 2:
            raise KeyboardInterrupt

    run = describe_run("train", small_network, small_data, config)
    with pytest.raises(KeyboardInterrupt):
        train(copy.deepcopy(small_network), small_data, config, stop, checkpoint=Checkpoint(tmp_path / "c", run))
    resumed = copy.deepcopy(small_network)
    assert train(resumed, small_data, config, checkpoint=Checkpoint(tmp_path / "c", run)) == history
    assert torch.equal(weights(resumed), weights(expected))


def test_divergence_is_a_clear_error(small_network: nn.Module, small_data: Dataset) -> None:
    bias = torch.full((10,), -3e38)
    bias[0] = 3e38  # finite outputs, whose difference is not
    small_network.get_parameter("4.bias").data = bias
    with pytest.raises(CodesignError, match="diverged"):
        train(small_network, small_data, SHORT)


@pytest.mark.parametrize(
    "changes", [{"epochs": -1}, {"batch_size": -1}, {"learning_rate": math.nan}, {"weight_decay": -0.1}, {"seed": -1}]
)
def test_a_setting_out_of_range_is_a_clear_error(changes: dict[str, Any]) -> None:
    with pytest.raises(CodesignError, match=next(iter(changes))):
        TrainingConfig(**changes)
