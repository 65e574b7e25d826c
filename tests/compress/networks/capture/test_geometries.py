"""Sizes are those of a real run, and views that flatten are a flatten, whichever way they are written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from compress.base.errors import CodesignError
from compress.networks.capture.geometries import layer_geometries

View = Callable[[Tensor, Tensor], Tensor]


def test_shapes_and_macs_are_those_of_a_real_run() -> None:
    network = nn.Sequential(nn.Conv2d(3, 6, (3, 1), stride=(2, 1), padding=(1, 2), groups=3), nn.ReLU())
    (geometry,) = layer_geometries(network, (3, 9, 5))
    outputs = network(torch.zeros(1, 3, 9, 5))
    assert geometry.output_shape == tuple(outputs.shape[1:])
    assert geometry.macs == 6 * 1 * 3 * outputs.shape[2] * outputs.shape[3]


class Viewed(nn.Module):
    """conv, ReLU, a view, fc: the view is given the maps and the images."""

    def __init__(self, view: View, channels: int = 2, size: int = 3) -> None:
        super().__init__()
        self.view = view
        self.conv = nn.Conv2d(1, channels, 3)
        self.fc = nn.Linear(channels * size * size, 5)

    def forward(self, images: Tensor) -> Tensor:
        result: Tensor = self.fc(self.view(torch.relu(self.conv(images)), images))
        return result


def _unpacked(maps: Tensor, _: Tensor) -> Tensor:
    batch, channels, rows, columns = maps.shape
    return maps.view(batch, channels * rows * columns)


FLATTEN: list[View] = [
    lambda maps, _: maps.view(maps.size(0), -1),
    lambda maps, _: maps.view(maps.size()[0], -1),
    lambda maps, _: maps.view((maps.shape[0], -1)),
    lambda maps, _: maps.reshape(maps.shape[0], -1),
    lambda maps, _: torch.reshape(maps, (maps.shape[0], -1)),
    lambda maps, images: maps.view(images.size(0), -1),
    lambda maps, _: maps.view(-1, 18),
    lambda maps, _: maps.contiguous().view(-1, maps.size(1) * maps.size(2) * maps.size(3)),
    lambda maps, _: maps.flatten(start_dim=1, end_dim=-1),
    lambda maps, _: torch.flatten(maps, start_dim=-3),
    lambda maps, _: maps.view(maps.shape).flatten(1).view(-1, 18),
    _unpacked,
]
OTHERS: list[View] = [
    lambda maps, _: maps.view(1, -1),
    lambda maps, _: maps.view(2, -1),
    lambda maps, _: maps.view(-1, 9),
    lambda maps, _: maps.view(-1, 36),
    lambda maps, _: maps.view(-1, 7),
    lambda maps, _: maps.reshape(-1),
    lambda maps, _: torch.flatten(maps),
    lambda maps, _: maps.flatten(2),
    lambda maps, _: maps.view(maps.size(1), -1),
    lambda maps, _: maps.view(-1, 2, 9),
    lambda maps, _: maps.view(-1, 1, 6, 3),
]
REFUSED = r"a row of its own|cannot run on images|cannot be traced|not a vector"


@pytest.mark.parametrize("view", FLATTEN)
def test_a_view_that_flattens_is_a_flatten(view: View) -> None:
    expected = layer_geometries(Viewed(lambda maps, _: torch.flatten(maps, 1)), (1, 5, 5))
    assert layer_geometries(Viewed(view), (1, 5, 5)) == expected


@pytest.mark.parametrize("view", OTHERS)
def test_any_other_view_is_refused_by_name(view: View) -> None:
    with pytest.raises(CodesignError, match=REFUSED) as error:
        layer_geometries(Viewed(view), (1, 5, 5))
    assert "torch.flatten(x, 1)" in error.value.next_step


@given(st.integers(1, 6), st.integers(1, 5), st.integers(1, 200))
def test_a_number_of_features_is_right_or_refused(channels: int, size: int, features: int) -> None:
    network = Viewed(lambda maps, _: maps.view(-1, features), channels, size)
    shape = (1, size + 2, size + 2)
    if features == channels * size * size:
        assert [layer.name for layer in layer_geometries(network, shape)] == ["conv", "fc"]
    else:
        with pytest.raises(CodesignError, match=REFUSED):
            layer_geometries(network, shape)


def test_images_are_flattened_by_a_view_too() -> None:
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(25, 5)

        def forward(self, images: Tensor) -> Tensor:
            result: Tensor = self.fc(images.view(-1, 25))
            return result

    assert [layer.input_shape for layer in layer_geometries(Flat(), (1, 5, 5))] == [(25, 1, 1)]
