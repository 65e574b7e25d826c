"""A network that trains in no time, in a folder with the files of earlier stages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from codesign.loop.file_names import NETWORK
from codesign.loop.inputs import Inputs, Work
from codesign.settings.data import Data
from codesign.settings.network_file import NetworkSource, save_network
from compress.base.progress import Update
from compress.base.store import Store
from compress.networks.registry import build_network

MODULE = """
from torch import nn
def make():
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(4),
        nn.Flatten(), nn.Linear(12, 10)
    )

def step(network, images, targets):
    return nn.functional.cross_entropy(network(images), targets)
"""
NAME = "stages_test_network:make"

GiveInputs = Callable[..., Inputs]


@pytest.fixture(autouse=True)
def _network_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stages_test_network.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.fixture
def network() -> NetworkSource:
    return NetworkSource.of(NAME)


@pytest.fixture
def data() -> Data:
    return Data("digits", None, 0)


@pytest.fixture
def watched() -> list[Update]:
    """What the stage told whoever watches it."""
    return []


@pytest.fixture
def work(tmp_path: Path, watched: list[Update]) -> Work:
    folder = tmp_path / "out"
    return Work(folder, folder / ".checkpoints", Store(folder / ".stages"), watched.append)


@pytest.fixture
def inputs(work: Work) -> GiveInputs:
    """Inputs of the files named."""
    return lambda *names: Inputs(work.folder, names)


@pytest.fixture
def trained(work: Work) -> None:
    """The network as the train stage leaves it, though its weights are the first ones."""
    save_network(build_network(NAME, seed=0), NAME, work.folder / NETWORK)
