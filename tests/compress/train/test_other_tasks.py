"""Regression and segmentation through training, pruning and quantization."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.base.progress import Update
from compress.data.split import Dataset, Split
from compress.data.task import Metric, Task, classification
from compress.lowering.integerize import integerize
from compress.methods.registry import Target, prune, quantize
from compress.train.epoch import evaluate
from compress.train.training import TrainingConfig, accuracy, train

SHORT = TrainingConfig(epochs=4, batch_size=8, learning_rate=1e-2)
ADMM = AdmmConfig(iterations=2, retrain_epochs=2, batch_size=8, saliency=0.5)


def mean_square(network: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    return functional.mse_loss(network(images), targets)


def rmse(outputs: Tensor, targets: Tensor) -> float:
    return float((outputs - targets).square().mean().sqrt())


def pixel_loss(network: nn.Module, images: Tensor, maps: Tensor) -> Tensor:
    return functional.cross_entropy(network(images), maps)


def pixel_accuracy(outputs: Tensor, maps: Tensor) -> Tensor:
    return (outputs.argmax(dim=1) == maps).float().mean()


RMSE = Metric("RMSE", "m", higher_is_better=False)
REGRESSION = Task(name="brightness", step=mean_square, evaluate=rmse, metric=RMSE)
SEGMENTATION = Task(name="maps", step=pixel_loss, evaluate=pixel_accuracy, metric=Metric("pixel accuracy"))


def regression_data(seed: int = 0, task: Task = REGRESSION) -> Dataset:
    """The brightness of the left and the right half of an image."""
    images = torch.rand(80, 1, 6, 6, generator=torch.Generator().manual_seed(seed))
    targets = torch.stack([images[..., :3].mean(dim=(1, 2, 3)), images[..., 3:].mean(dim=(1, 2, 3))], dim=1)
    parts = ((0, 48), (48, 64), (64, 80))
    return Dataset("halves", *(Split(images[a:b], targets[a:b], task=task) for a, b in parts))


def segmentation_data() -> Dataset:
    """Which pixels are bright."""
    images = torch.rand(80, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    maps = (images[:, 0] > 0.5).long()
    parts = ((0, 48), (48, 64), (64, 80))
    return Dataset("bright", *(Split(images[a:b], maps[a:b], task=SEGMENTATION) for a, b in parts))


def regression_network(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2)).eval()


def segmentation_network() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 1)).eval()


@given(st.integers(0, 50), st.floats(1e-4, 0.5))
@settings(max_examples=10)
def test_the_epoch_whose_figure_is_best_is_kept_also_where_lower_is_better(seed: int, rate: float) -> None:
    network, data = regression_network(seed), regression_data(seed)
    start = accuracy(network, data.validation)
    history = train(network, data, TrainingConfig(epochs=3, batch_size=8, learning_rate=rate))
    assert accuracy(network, data.validation) == min(start, *(record.validation_accuracy for record in history))


@pytest.mark.parametrize(
    ("network", "data"),
    [(regression_network(), regression_data()), (segmentation_network(), segmentation_data())],
    ids=["regression", "segmentation"],
)
def test_a_network_is_trained_pruned_quantized_and_made_of_integers(network: nn.Module, data: Dataset) -> None:
    network, score, seen = copy.deepcopy(network), data.task.metric.score, list[Update]()
    start = score(accuracy(network, data.test))
    train(network, data, SHORT, seen.append)
    dense = score(accuracy(network, data.test))
    assert dense > start
    assert f"validation {data.task.metric.name}" in seen[-1].figures
    outcome = prune(network, data, "admm", Target(ratio=2), ADMM)
    assert all(int(mask.sum()) == round(mask.numel() / 2) for mask in outcome.pruned.masks.values())
    pruned = score(accuracy(network, data.test))
    assert pruned > start
    quantized = quantize(network, data, "levels", {"*": 6}, ADMM)
    assert score(accuracy(network, data.test)) > start
    model = integerize(network, quantized, data.train, data.input_shape)
    assert model.output.shape[0] == 2


def test_without_a_function_the_figure_is_the_loss() -> None:
    task = Task(name="brightness", step=mean_square)
    data, network = regression_data(task=task), regression_network()
    loss, figure = evaluate(network, data.test)
    assert loss == figure
    outputs = network(data.test.images).detach()
    assert loss == pytest.approx(rmse(outputs, data.test.labels) ** 2, rel=1e-5)
    train(network, data, SHORT)
    assert evaluate(network, data.test)[1] < figure


def test_images_are_shifted_only_where_targets_are_labels() -> None:
    results = []
    for shift in (0, 2):
        network = segmentation_network()
        results.append(train(network, segmentation_data(), TrainingConfig(epochs=2, augment_shift=shift)))
    assert results[0] == results[1]


def test_a_classification_may_learn_by_another_loss(small_network: nn.Module, small_data: Dataset) -> None:
    plain = classification("own", lambda net, x, y: functional.cross_entropy(net(x), y))
    splits = (small_data.train, small_data.validation, small_data.test)
    same = Dataset("few", *(Split(part.images, part.labels, task=plain) for part in splits))
    again = copy.deepcopy(small_network)
    usual = train(small_network, small_data, TrainingConfig(epochs=2, batch_size=16))
    own = train(again, same, TrainingConfig(epochs=2, batch_size=16))
    assert [record.validation_accuracy for record in own] == [record.validation_accuracy for record in usual]
    assert [record.training_loss for record in own] == pytest.approx([record.training_loss for record in usual])


def detached(network: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    return functional.mse_loss(network(images).detach(), targets)


def infinite(network: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    return functional.mse_loss(network(images), targets) / 0


def foreign(network: nn.Module, images: Tensor, targets: Tensor) -> Any:
    return network(images) @ targets[:, :1] @ targets


def listed(network: nn.Module, images: Tensor, targets: Tensor) -> Any:
    return [mean_square(network, images, targets)]


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (detached, "depends on no trained parameter"),
        (infinite, "the loss of brightness is inf"),
        (foreign, "the loss of brightness fails: RuntimeError"),
        (listed, "the loss of brightness is a list"),
    ],
)
def test_a_step_that_cannot_be_learned_by_is_told_before_training(step: Any, told: str) -> None:
    data = regression_data(task=Task(name="brightness", step=step))
    with pytest.raises(CodesignError, match=told):
        train(regression_network(), data, SHORT)


def test_a_metric_that_gives_no_number_is_told_before_training() -> None:
    task = Task(name="brightness", step=mean_square, evaluate=lambda outputs, targets: outputs, metric=RMSE)
    with pytest.raises(CodesignError, match="the RMSE of brightness is a Tensor, not one number"):
        train(regression_network(), regression_data(task=task), SHORT)
