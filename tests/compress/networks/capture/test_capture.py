"""What capture finds in a network, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from compress.base.errors import CodesignError
from compress.lowering.float_graph import run_float
from compress.model.compressed_model import INPUT
from compress.networks.capture.capture import capture
from compress.networks.capture.captured import LAYER
from compress.networks.capture.constants import AFFINE
from tests.compress.lowering.random_networks import BLOCKS, random_network

SHAPE = (4, 6, 6)


class Does(nn.Module):
    """A convolution, then a function of its result and the images, then a linear layer if the result is a vector."""

    def __init__(self, function: Callable[[Tensor, Tensor], Any], features: int = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.function = function
        self.fc = nn.Linear(features, 2) if features else None

    def forward(self, images: Tensor) -> Any:
        result = self.function(self.conv(images), images)
        return result if self.fc is None else self.fc(result)


@given(st.lists(st.sampled_from(list(BLOCKS)), max_size=4), st.integers(0, 100))
@settings(deadline=None, max_examples=15)
@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_the_calls_compute_what_the_network_does(names: list[str], seed: int) -> None:
    network = random_network(names, seed)
    captured = capture(network, (2, 9, 8))
    images = torch.rand(5, 2, 9, 8, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(run_float(captured, images), network(images).detach(), rtol=1e-4, atol=1e-5)


def test_calls_have_the_names_of_their_modules_and_their_shapes() -> None:
    network = nn.Sequential(nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(), nn.Flatten())
    network.append(nn.Linear(128, 3))
    captured = capture(network.train(), SHAPE)
    assert network.training
    assert [(call.name, call.target, call.inputs) for call in captured.calls] == [
        ("0", LAYER, (INPUT,)),
        ("1", AFFINE, ("0",)),
        ("2", "aten.relu.default", ("1",)),
        ("4", "aten.flatten.using_ints", ("2",)),
        ("5", LAYER, ("4",)),
    ]
    assert [call.shape for call in captured.calls] == [(8, 4, 4)] * 3 + [(128,), (3,)]
    assert captured.answer == "5"
    assert captured.norms == {"1": "1"}


@pytest.mark.parametrize(
    "function",
    [
        lambda maps, images: (maps.relu_(), maps)[1],
        lambda maps, images: (maps.add_(images), maps * 2)[1],
        lambda maps, images: functional.adaptive_max_pool2d(maps, 2) - functional.max_pool2d(maps, 3),
        lambda maps, images: functional.prelu(maps, torch.tensor([0.3])) - maps,
        lambda maps, images: maps.sub_(1.0).relu_() + maps,
        lambda maps, images: functional.hardtanh_(maps, 0, 6).mul_(2.0) + maps,
        lambda maps, images: functional.dropout(maps, training=False).relu_() + maps,
        lambda maps, images: functional.dropout(maps.flatten(1), training=False, inplace=True).relu(),
        lambda maps, images: functional.dropout2d(maps.relu_(), training=False, inplace=True).add_(1.0) + maps,
        lambda maps, images: maps.float() + images.to(maps.dtype),
        lambda maps, images: torch.add(maps, 2.0, alpha=0),
    ],
)
def test_what_is_written_otherwise_is_still_what_runs(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    network = Does(function).eval()
    images = torch.rand(3, *SHAPE) * 4
    torch.testing.assert_close(run_float(capture(network, SHAPE), images), network(images).detach())


def test_constants_of_a_channel_become_one_operation() -> None:
    network = Does(lambda maps, _: 2 - ((maps * 3.0 + torch.arange(4.0)[:, None, None]) / 2 - 1)).eval()
    captured = capture(network, SHAPE)
    assert [call.target for call in captured.calls] == [LAYER, AFFINE]
    assert captured.calls[1].arguments["factor"] == (-1.5,) * 4
    assert captured.calls[1].arguments["offset"] == (3.0, 2.5, 2.0, 1.5)


def test_gradients_of_a_training_do_not_matter_and_stay() -> None:
    network = Does(lambda maps, _: maps)
    network(torch.rand(1, *SHAPE)).sum().backward()
    before = network.conv.weight.grad
    assert before is not None
    capture(network, SHAPE)
    assert network.conv.weight.grad is before
    network.conv.weight.data = torch.rand(4, 4, 1, 1)
    capture(network, SHAPE)


class Counting(Does):
    """Counts its calls."""

    def __init__(self) -> None:
        super().__init__(lambda maps, _: maps)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, images: Tensor) -> Any:
        self.get_buffer("calls").add_(1)
        return super().forward(images)


class OwnWeight(Does):
    """Uses its layer's weight once more."""

    def __init__(self) -> None:
        super().__init__(lambda maps, _: functional.conv2d(maps, 2 * self.conv.weight, padding=1))


class Unused(Does):
    """Has a layer that nobody calls."""

    def __init__(self) -> None:
        super().__init__(lambda maps, _: maps)
        self.other = nn.Conv2d(1, 1, 1)


@pytest.mark.parametrize(
    ("network", "cause"),
    [
        (Does(lambda maps, _: maps[:, :2].relu_() + maps[:, 2:]), "in place on a tensor that shares its memory"),
        (Does(lambda maps, _: (maps.flatten(2), maps.relu_())[1]), "in place on a tensor that shares its memory"),
        (Does(lambda maps, _: maps.chunk(2, 1)[0].relu_() + maps[:, :2]), "in place"),
        (Does(lambda maps, _: (lambda same: (same.flatten(1), maps.add_(1))[1])(maps.relu_())), "in place"),
        (Does(lambda maps, _: maps + torch.rand(4, 1, 1)), "draws random numbers in evaluation"),
        (Does(lambda maps, _: torch.cat([maps, torch.ones(len(maps), 1, 6, 6)], 1)), "joins constants to activations"),
        (Does(lambda maps, _: torch.cat([torch.ones(len(maps), 1, 6, 6), maps], 1)), "joins constants to activations"),
        (Does(lambda maps, _: maps.unbind(1)[0]), "gives a list of results, not a tensor"),
        (Does(lambda maps, _: maps + torch.ones(6, 6).cumsum(0)), "constant"),
        (Does(lambda maps, _: maps + torch.arange(36.0).reshape(6, 6)), r"constant of shape \(6, 6\)"),
        (Does(lambda maps, _: maps.pow(torch.tensor(2.0))), "computes with a constant"),
        (Does(lambda maps, _: maps / torch.tensor(0.0)), "infinite or NaN"),
        (Does(lambda maps, _: maps.mean(0, keepdim=True) + maps), "a row of its own"),
        (Does(lambda maps, _: maps.flip(0) + torch.flip(maps, [0])), "along the batch"),
        (Does(lambda maps, _: maps.softmax(0)), "along the batch"),
        (Does(lambda maps, _: maps.roll(1, 0)), "along the batch"),
        (
            Does(lambda maps, _: functional.adaptive_max_pool2d(maps, 2, return_indices=True)[1] + maps[:, :, :2, :2]),
            "where a maximum was",
        ),
        (Does(lambda maps, _: functional.prelu(maps, torch.ones(4))), "computes with a constant"),
        (Does(lambda maps, _: maps.permute(1, 0, 2, 3)), "a row of its own"),
        (Does(lambda maps, _: maps if maps.sum() > 0 else -maps), "cannot be traced"),
        (Does(lambda maps, _: (maps, maps)), "more than a tensor"),
        (Does(lambda maps, images: images), "does not depend on layer 'conv'"),
        (Does(lambda maps, _: functional.dropout(maps)), "drops activations in evaluation too"),
        (Does(lambda maps, _: maps, features=5), "cannot run on images"),
        (Does(lambda maps, _: maps.flatten(2), features=36), "not a vector"),
        (Counting(), "changes 'calls' in evaluation"),
        (OwnWeight(), "weight outside a Conv2d"),
        (Unused(), "does not depend on layer 'other'"),
    ],
)
def test_what_no_graph_can_say_is_refused(network: nn.Module, cause: str) -> None:
    with pytest.raises(CodesignError, match=cause):
        capture(network, SHAPE)


def test_a_refusal_is_all_that_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CodesignError):
        capture(Does(lambda maps, _: maps if maps.mean() > 0 else maps * 2), SHAPE)
    assert capfd.readouterr() == ("", "")


class ShapesDecide(Does):
    """Python control flow on shapes, which torch.fx cannot follow."""

    def forward(self, images: Tensor) -> Any:
        maps = self.conv(images)
        return maps + images if maps.shape == images.shape else maps


def test_control_flow_on_shapes_is_followed() -> None:
    captured = capture(ShapesDecide(lambda maps, _: maps), SHAPE)
    assert [call.target for call in captured.calls] == [LAYER, "aten.add.Tensor"]


class Optional(Does):
    """An option of ``forward`` chooses the path: captured is the path that runs without it."""

    def __init__(self) -> None:
        super().__init__(lambda maps, _: maps)

    def forward(self, images: Tensor, twice: bool = False, mask: Tensor | None = None) -> Any:
        maps = torch.relu(self.conv(images))
        if mask is not None:
            maps = maps * mask
        return maps + maps if twice else maps


class OptionalTwice(Optional):
    def forward(self, images: Tensor, twice: bool = True, mask: Tensor | None = None) -> Any:
        return super().forward(images, twice, mask)


def test_options_of_forward_have_the_defaults_that_run() -> None:
    assert [call.name for call in capture(Optional(), SHAPE).calls] == ["conv", "relu"]
    assert [call.name for call in capture(OptionalTwice(), SHAPE).calls] == ["conv", "relu", "add"]


@pytest.mark.parametrize(
    ("drop", "random"),
    [
        (lambda maps, training: functional.dropout2d(maps, 0.5), True),
        (lambda maps, training: functional.dropout(maps, 0.5, True), True),
        (lambda maps, training: functional.alpha_dropout(maps, training=True), True),
        (lambda maps, training: functional.dropout(maps, 0.5, training), False),
        (lambda maps, training: functional.dropout2d(maps, training=training), False),
        (lambda maps, training: functional.alpha_dropout(maps), False),
        (lambda maps, training: functional.dropout(maps, 0.0), False),
        (lambda maps, training: functional.feature_alpha_dropout(maps, p=0, training=True), False),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_dropout_is_left_out_only_where_evaluation_leaves_it_out(drop: Any, random: bool, training: bool) -> None:
    class Dropping(Does):
        def forward(self, images: Tensor) -> Any:
            return drop(self.conv(images), self.training)

    network = Dropping(lambda maps, _: maps).train(training)
    if not random:
        assert [call.target for call in capture(network, SHAPE).calls] == [LAYER]
        assert network.training is training
        return
    with pytest.raises(CodesignError, match="drops activations in evaluation too") as error:
        capture(network, SHAPE)
    assert "training=self.training" in error.value.next_step
