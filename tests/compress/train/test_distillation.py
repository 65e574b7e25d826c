import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from compress.admm.iteration import AdmmConfig
from compress.data.datasets import Dataset
from compress.methods.session import open_session
from compress.train.distillation import TEMPERATURE, Distillation

SHORT = AdmmConfig(iterations=1, retrain_epochs=1, batch_size=256, distillation=0.5)


def _teacher() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 3))


def _batch(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    images, logits = torch.rand(5, 1, 2, 2, generator=random), 3 * torch.randn(5, 3, generator=random)
    return images, logits, torch.randint(0, 3, (5,), generator=random)


@given(st.floats(0, 1), st.integers(0, 100))
def test_the_loss_is_the_mixture_of_its_docstring(portion: float, seed: int) -> None:
    images, logits, labels = _batch(seed)
    teacher = _teacher()
    softened, known = (functional.softmax(found / TEMPERATURE, 1) for found in (logits, teacher(images)))
    distance = TEMPERATURE**2 * (known * (known / softened).log()).sum()
    expected = (1 - portion) * functional.cross_entropy(logits, labels, reduction="sum") + portion * distance
    torch.testing.assert_close(Distillation(teacher, portion)(images, logits, labels), expected)


@given(st.integers(0, 100))
def test_the_teachers_own_answers_have_no_distance(seed: int) -> None:
    images, _, labels = _batch(seed)
    teacher = _teacher()
    assert abs(float(Distillation(teacher, 1.0)(images, teacher(images).detach(), labels))) < 1e-4


def test_the_teacher_stays_as_it_was_and_is_not_trained() -> None:
    images, logits, labels = _batch(0)
    student = _teacher()
    loss_of = Distillation(student, 1.0)
    before = float(loss_of(images, logits, labels))
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.zero_()
    assert float(loss_of(images, logits, labels)) == before
    assert not any(parameter.requires_grad for parameter in loss_of._teacher.parameters())


def test_a_session_learns_from_the_network_it_was_given(trained: nn.Module, digits: Dataset) -> None:
    """With nothing but distillation, training brings a damaged network back towards its former answers."""
    network, images = copy.deepcopy(trained), digits.validation.images
    answers = functional.log_softmax(trained(images).detach(), 1)

    def distance() -> float:
        found = functional.log_softmax(network(images).detach(), 1)
        return float(functional.kl_div(found, answers, reduction="batchmean", log_target=True))

    with open_session("test", network, digits, replace(SHORT, distillation=1.0)) as run:
        with torch.no_grad():
            network.get_parameter("fc2.weight").zero_()
        damaged = distance()
        run.train("retrain", 3)
    assert distance() < damaged / 2


def test_distillation_is_resumed_with_equal_results(trained: nn.Module, digits: Dataset, tmp_path: Path) -> None:
    results: list[dict[str, Tensor]] = []
    for stages in (["first", "second"], ["first"], ["first", "second"]):
        path = tmp_path / ("whole.pt" if not results else "resumed.pt")
        network = copy.deepcopy(trained)
        with open_session("test", network, digits, SHORT, path) as run:
            for stage in stages:
                run.train(stage, 1)
        results.append(network.state_dict())
    whole, _, resumed = results
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


@pytest.mark.parametrize("portion", [0.0, 0.3])
def test_without_a_portion_the_loss_is_the_cross_entropy(trained: nn.Module, digits: Dataset, portion: float) -> None:
    with open_session("test", trained, digits, replace(SHORT, distillation=portion)) as run:
        assert isinstance(run.loss_of, Distillation) == (portion > 0)
