from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from compress.base.errors import CodesignError
from compress.data.task import ACCURACY, CLASSIFICATION, Metric, Task, classification

FIGURES = st.floats(-1e6, 1e6)


@given(FIGURES, FIGURES, st.booleans())
def test_the_higher_score_is_the_better_figure(one: float, other: float, higher: bool) -> None:
    metric = Metric("figure", "m", higher)
    better = one > other if higher else one < other
    assert (metric.score(one) > metric.score(other)) == better
    assert metric.score(metric.score(one)) == one


def test_figures_are_told_in_their_unit() -> None:
    assert ACCURACY.told(0.9173) == "91.73%"
    assert Metric("RMSE", "px", higher_is_better=False).told(1 / 3) == "0.33333 px"
    assert Metric("loss", "", higher_is_better=False).told(2.0) == "2"


def test_watched_figures_have_the_metrics_name() -> None:
    task = Task(name="t", step=mean_square, metric=Metric("RMSE", "", higher_is_better=False))
    assert task.named({"loss": 1.0, "validation accuracy": 0.5}) == {"loss": 1.0, "validation RMSE": 0.5}
    assert CLASSIFICATION.named({"validation accuracy": 0.5}) == {"validation accuracy": 0.5}


def mean_square(network: nn.Module, images: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return functional.mse_loss(network(images), targets)


@given(st.integers(1, 9), st.integers(0, 100))
def test_the_total_loss_is_the_mean_times_the_images(count: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    images, labels = torch.rand(count, 3, generator=generator), torch.randint(0, 4, (count,), generator=generator)
    network = nn.Linear(3, 4)
    smooth = classification("smooth", lambda net, x, y: functional.cross_entropy(net(x), y, label_smoothing=0.1))
    for task in (CLASSIFICATION, smooth):
        mean = task.mean_loss(network, images, labels)
        assert torch.allclose(task.total_loss(network, images, labels), mean * count)
    assert CLASSIFICATION.is_usual
    assert not smooth.is_usual
    assert smooth.metric == ACCURACY


@pytest.mark.parametrize(
    ("loss", "told"),
    [(0.5, "a float"), (torch.zeros(2), r"a tensor \(2,\)"), (torch.tensor(1), r"a tensor \(\)"), (None, "NoneType")],
)
def test_a_loss_that_is_not_one_number_is_told(loss: Any, told: str) -> None:
    task = Task(name="depth", step=lambda network, images, targets: loss)
    with pytest.raises(CodesignError, match=f"the loss of depth is {told}|{told}"):
        task.mean_loss(nn.Identity(), torch.zeros(2, 3), torch.zeros(2))


@pytest.mark.parametrize(
    ("figure", "told"), [(None, "NoneType"), (torch.zeros(2), "Tensor"), (float("nan"), "is nan"), ("high", "str")]
)
def test_a_figure_that_is_not_one_finite_number_is_told(figure: Any, told: str) -> None:
    task = Task(name="depth", step=mean_square, evaluate=lambda outputs, targets: figure)
    with pytest.raises(CodesignError, match=f"the loss of depth .*{told}"):
        task.measure(torch.zeros(2), torch.zeros(2))
