import copy
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from compress.data.datasets import Dataset, Split, load_dataset
from compress.model.compressed_model import CompressedModel
from compress.model.layer import CompressedLayer, LayerKind
from compress.model.pool import Pool, PoolKind
from compress.model.requantization import Requantization
from compress.networks.registry import build_network
from compress.train.training import TrainingConfig, train
from tests.compress.torch_reference import run_reference


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return load_dataset("digits", seed=0)


@pytest.fixture(scope="session")
def _trained(digits: Dataset) -> nn.Module:
    network = build_network("digits-net", seed=0)
    train(network, digits, TrainingConfig())
    return network


@pytest.fixture
def trained(_trained: nn.Module) -> nn.Module:
    """A digits-net trained as users train it, a copy to spoil."""
    return copy.deepcopy(_trained)


@pytest.fixture(scope="session")
def small_data(digits: Dataset) -> Dataset:
    """A few digits: for mechanics, not for accuracy."""
    return Dataset("few-digits", digits.train.take(96), digits.validation.take(40), digits.test.take(40))


@pytest.fixture
def small_network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        layers = [nn.Conv2d(1, 3, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Dropout(0.2), nn.Linear(27, 10)]
        return nn.Sequential(*layers).eval()


Method = Callable[[nn.Module, Path | None, Callable[..., None] | None], Any]


@pytest.fixture
def assert_resumable(tmp_path: Path) -> Callable[[nn.Module, Method], int]:
    """Asserts that a run stopped after each of its steps ends bit for bit as an undisturbed one; counts the steps.

    Every attempt starts with the network of the start and stops at the first step it makes, so each state that is
    ever written is the only thing its successor has.
    """

    def check(start: nn.Module, method: Method) -> int:
        expected, steps = copy.deepcopy(start), 0
        result = method(expected, None, None)
        while True:
            attempt = copy.deepcopy(start)
            try:
                resumed = method(attempt, tmp_path / "checkpoint", _stop)
                break
            except StoppedError:
                steps += 1
        _assert_equal(resumed, result)
        _assert_equal(attempt.state_dict(), expected.state_dict())
        return steps

    return check


class StoppedError(Exception):
    """Where a test breaks off a run."""


def _stop(*_: object) -> None:
    raise StoppedError


def _assert_equal(value: Any, expected: Any) -> None:
    if is_dataclass(expected):
        for member in fields(expected):
            _assert_equal(getattr(value, member.name), getattr(expected, member.name))
    elif isinstance(expected, dict):
        assert list(value) == list(expected)
        for name in expected:
            _assert_equal(value[name], expected[name])
    elif isinstance(expected, list | tuple):
        for part, expected_part in zip(value, expected, strict=True):
            _assert_equal(part, expected_part)
    elif isinstance(expected, Tensor):
        assert torch.equal(value, expected)
    else:
        assert value == expected


@pytest.fixture(scope="session")
def run_integer() -> Callable[[CompressedModel, Split], Tensor]:
    """Integer outputs of a model, computed with torch in exact float64 arithmetic."""

    def run(model: CompressedModel, split: Split) -> Tensor:
        return run_reference(model, split).flatten(1)

    return run


@pytest.fixture
def model() -> CompressedModel:
    """Two layers with every kind of member: pool, padding, stride, signed last layer."""
    random = np.random.default_rng(3)
    first = CompressedLayer(
        name="conv",
        kind=LayerKind.CONV2D,
        levels=random.integers(-4, 5, (4, 2, 3, 3)).astype(np.int16),
        weight_bits=3,
        interval=0.07,
        bias=random.integers(-900, 900, 4).astype(np.int32),
        input_shape=(2, 8, 7),
        requantization=Requantization(312, 16),
        input_scale=1 / 255,
        output_scale=0.011,
        stride=(1, 2),
        padding=(1, 0),
        pool=Pool(PoolKind.AVERAGE, (2, 3), (2, 1)),
    )
    second = CompressedLayer(
        name="fc",
        kind=LayerKind.LINEAR,
        levels=random.integers(-128, 129, (3, 16, 1, 1)).astype(np.int16),
        weight_bits=8,
        interval=0.001,
        bias=np.zeros(3, np.int32),
        input_shape=(16, 1, 1),
        requantization=Requantization(265, 19),
        input_scale=0.011,
        output_scale=0.2,
        relu=False,
    )
    return CompressedModel.chain((first, second), {"network": "test", "seed": 3, "accuracy": {"dense": 0.99}})
