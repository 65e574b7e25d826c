"""What cannot be trained is told before the first step, also where training it would give other numbers in silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.data.datasets import Dataset, Split
from compress.methods.cluster import cluster_admm
from compress.methods.prune import prune_admm
from compress.train.trainable import check_trainable
from compress.train.training import TrainingConfig, train


class Network(nn.Module):
    """Flattens by a view, which needs contiguous images; ``after`` is what becomes of the outputs."""

    def __init__(self, after: Callable[[Tensor], Any] = lambda outputs: outputs) -> None:
        super().__init__()
        self.fc, self.norm, self.last = nn.Linear(128, 8), nn.BatchNorm1d(8), nn.Linear(8, 4)
        self.after = after

    def forward(self, images: Tensor) -> Any:
        maps = torch.relu(self.norm(self.fc(images.view(images.size(0), -1))))
        return self.after(self.last(maps))


class Auxiliary(Network):
    """Gives the outputs of a second head while it is trained, as GoogLeNet does."""

    def forward(self, images: Tensor) -> Any:
        outputs = super().forward(functional.dropout(images, training=self.training))
        return (outputs, outputs) if self.training else outputs


@pytest.fixture
def data() -> Dataset:
    generator = torch.Generator().manual_seed(0)
    split = Split(torch.rand(33, 2, 8, 8, generator=generator), torch.arange(33) % 4)
    return Dataset("mine", split, split, split)


def frozen(network: nn.Module) -> nn.Module:
    return network.requires_grad_(False)


def with_variance(network: Network, value: float) -> nn.Module:
    assert network.norm.running_var is not None
    network.norm.running_var[0] = value
    return network


@pytest.mark.parametrize(
    ("network", "batch_size", "cause"),
    [
        (frozen(Network()), 4, "nothing to train"),
        (nn.Sequential(nn.Flatten()), 4, "nothing to train"),
        (Network(), 1, "batch normalization 'norm' would get a batch of one image"),
        (Network(torch.Tensor.detach), 4, "depend on no trained parameter"),
        (Network(functional.dropout), 4, "random in evaluation"),
        (Network(lambda outputs: outputs + torch.rand_like(outputs)), 4, "random in evaluation"),
        (Network(lambda outputs: (outputs, outputs)), 4, "a tuple for a batch of 1 in evaluation"),
        (Network(lambda outputs: outputs[:, :, None]), 4, r"shape \(1, 4, 1\)"),
        (Network(lambda outputs: outputs.sum()), 4, r"shape \(\)"),
        (Network(lambda outputs: outputs[:, :3]), 4, "labels 0 to 3, the network has 3 outputs"),
        (Network(lambda outputs: outputs / 0), 4, "not finite"),
        (with_variance(Network(), -1.0), 4, "not finite"),
        (Auxiliary(), 4, "a tuple for a batch of 2 in training"),
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 4)), 4, r"cannot run on an image \(2, 8, 8\)"),
        (nn.Sequential(nn.Conv2d(1, 4, 8), nn.Flatten()), 4, r"cannot run on an image \(2, 8, 8\)"),
    ],
)
def test_what_cannot_be_trained_is_told_before_the_first_step(
    network: nn.Module, batch_size: int, cause: str, data: Dataset
) -> None:
    network.train()
    random = torch.get_rng_state()
    state = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(CodesignError, match=cause):
        train(network, data, TrainingConfig(epochs=1, batch_size=batch_size), progress=pytest.fail)  # type: ignore[arg-type]
    assert network.training
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_a_label_without_an_output_is_told_before_the_first_step(part: str, data: Dataset) -> None:
    wrong = Split(data.train.images, data.train.labels + 1)
    dataset = Dataset("mine", **{"train": data.train, "validation": data.train, "test": data.test, part: wrong})
    for call in (
        lambda: train(Network(), dataset, TrainingConfig(epochs=1)),
        lambda: prune_admm(Network(), dataset, {"fc": 0.5}, AdmmConfig(iterations=1)),
    ):
        with pytest.raises(CodesignError, match="labels 1 to 4, the network has 4 outputs"):
            call()


def test_training_without_gradients_is_a_clear_error(data: Dataset) -> None:
    with torch.no_grad(), pytest.raises(CodesignError, match="gradients are switched off"):
        train(Network(), data, TrainingConfig(epochs=1))


def test_a_single_training_image_has_no_batch_statistics(data: Dataset) -> None:
    dataset = Dataset("one", data.train.take(1), data.validation, data.test)
    with pytest.raises(CodesignError, match="a batch of one image"):
        train(Network(), dataset, TrainingConfig(epochs=1))
    train(nn.Sequential(nn.Flatten(), nn.Linear(128, 4)), dataset, TrainingConfig(epochs=1, batch_size=1))


class Convolving(nn.Module):
    """Views what a convolution puts out."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(channels, 4, 3), nn.Linear(144, 4)

    def forward(self, images: Tensor) -> Tensor:
        maps = torch.relu(self.conv(images))
        outputs: Tensor = self.fc(maps.view(maps.size(0), -1))
        return outputs


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("shift", [0, 1, 2])
def test_what_a_convolution_makes_of_augmented_images_may_be_viewed(channels: int, shift: int) -> None:
    split = Split(torch.rand(33, channels, 8, 8), torch.arange(33) % 4)
    dataset = Dataset("mine", split, split, split)
    train(Convolving(channels), dataset, TrainingConfig(epochs=1, batch_size=16, augment_shift=shift))


def test_a_network_that_views_nothing_gets_the_images_as_they_were_gathered(data: Dataset) -> None:
    """The layout decides how sums round: published weights are those of this one."""
    seen = []

    class Looking(nn.Flatten):
        def forward(self, images: Tensor) -> Tensor:
            seen.append(images.stride())
            return super().forward(images)

    network = nn.Sequential(Looking(), nn.Linear(128, 4))
    train(network, data, TrainingConfig(epochs=1, batch_size=33, augment_shift=1))
    assert (128, 1, 16, 2) in seen


@pytest.mark.parametrize("shift", [0, 1])
def test_a_plain_network_is_trained_and_augmented_images_may_be_viewed(shift: int, data: Dataset) -> None:
    network = Network()
    check_trainable(network, data, 4)
    (record,) = train(network, data, TrainingConfig(epochs=1, batch_size=16, augment_shift=shift))
    assert record.training_loss > 0


def test_our_own_parametrization_is_trained_after_the_check(data: Dataset) -> None:
    config = AdmmConfig(iterations=1, retrain_epochs=2, batch_size=16)
    result = cluster_admm(Network(), data, {}, {"fc": 3}, config)
    assert len(result.retraining) == 2
