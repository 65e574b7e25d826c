from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from compress.base.errors import CodesignError
from compress.networks.capture.capture import capture
from compress.networks.captured_chain import chain_of

SHAPE = (1, 8, 8)


def _names(network: nn.Module) -> list[str]:
    return [layer.geometry.name for layer in chain_of(capture(network, SHAPE))]


class Functional(nn.Module):
    """As many people write their networks."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 10)
        self.second = nn.Conv2d(4, 8, 3, stride=2, padding=1)
        self.conv = nn.Conv2d(1, 4, 3, padding="same")

    def forward(self, images: Tensor) -> Tensor:
        maps = functional.max_pool2d(functional.relu(self.conv(images), inplace=True), 2)
        maps = functional.avg_pool2d(self.second(maps).relu(), kernel_size=2)
        logits: Tensor = self.fc(torch.flatten(functional.dropout(maps, 0.5, self.training), 1))
        return logits


def test_layers_come_as_they_run() -> None:
    assert _names(Functional()) == ["conv", "second", "fc"]


@given(st.permutations([nn.ReLU(), nn.MaxPool2d(2), nn.AvgPool2d(2), nn.Dropout(), nn.Identity()]))
@settings(deadline=None, max_examples=8)
def test_relu_and_pooling_come_in_any_order(between: list[nn.Module]) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), *between, nn.Flatten(), nn.Linear(8, 3))
    assert _names(network) == ["0", "7"]


def test_images_may_be_flattened_and_the_answer_rectified() -> None:
    assert _names(nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.ReLU())) == ["1"]


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        outputs: Tensor = images + self.conv(images)
        return outputs


class TwoReaders(Residual):
    def forward(self, images: Tensor) -> Tensor:
        maps = self.conv(images)
        return functional.relu(maps) + functional.max_pool2d(maps, 1)


class Scaled(Residual):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, images: Tensor) -> Tensor:
        result: Tensor = self.conv(images) * self.scale
        return result


def conv(**changes: Any) -> nn.Conv2d:
    return nn.Conv2d(**{"in_channels": 1, "out_channels": 2, "kernel_size": 3, **changes})


@pytest.mark.parametrize(
    ("network", "cause"),
    [
        (Residual(), r"'add' does not read just 'conv' before it: the network branches"),
        (TwoReaders(), r"'max_pool2d' does not read just 'relu' before it: the network branches"),
        (Scaled(), "'mul'"),
        (nn.Sequential(conv(), nn.BatchNorm2d(2)), r"'1' \(batch normalization\)"),
        (nn.Sequential(conv(), nn.Sigmoid()), r"'1' \(aten.sigmoid.default\)"),
        (nn.Sequential(conv(), nn.ReLU6()), r"'1' \("),
        (nn.Sequential(conv(), nn.MaxPool2d(3, padding=1)), r"'1' \("),
        (nn.Sequential(conv(padding=1, padding_mode="circular")), r"pad"),
        (nn.Sequential(conv(), nn.Flatten(2)), r"'1' \(aten.flatten.using_ints\)"),
        (nn.Sequential(conv(), conv(in_channels=2)), "'0' has no ReLU before '1'"),
        (
            nn.Sequential(conv(), nn.ReLU(), conv(in_channels=2, groups=2)),
            "'2' is a grouped",
        ),
    ],
)
def test_what_is_no_chain_is_told_by_name(network: nn.Module, cause: str) -> None:
    with pytest.raises(CodesignError, match=cause):
        _names(network)
