from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from torch import nn

from codesign.loop import trials
from codesign.loop.inputs import Work
from codesign.loop.trials import Trials, TrialSettings
from codesign.settings.data import Data
from compress.base.progress import Update
from compress.base.store import Store
from compress.networks.registry import build_network
from compress.sets.masks import hold_masked, magnitude_mask
from compress.train.settings import on_device
from compress.train.training import TrainingConfig, accuracy

DATA = Data("digits", None, 0)
RETRAINING = TrainingConfig(epochs=1, batch_size=64, weight_decay=0.0, seed=1)
ALPHAS = {"fc1": 0.25}


@pytest.fixture
def network() -> nn.Module:
    return build_network("digits-net", seed=0)


@pytest.fixture
def watched() -> list[Update]:
    return []


@pytest.fixture
def work(tmp_path: Path, watched: list[Update]) -> Work:
    return Work(tmp_path, tmp_path / "scratch", Store(tmp_path / "parts"), watched.append)


def trials_of(network: nn.Module, work: Work, device: str = "cpu") -> Trials:
    return Trials(network, DATA, TrialSettings(RETRAINING, 60, device), work)


def test_without_retraining_it_is_the_accuracy_of_the_magnitude_masks(network: nn.Module, work: Work) -> None:
    found = trials_of(network, work)
    assert found.without_retraining({}) == accuracy(network, DATA.load().validation)
    measured = found.without_retraining(ALPHAS)
    hold_masked(network, {"fc1": magnitude_mask(network.get_parameter("fc1.weight"), 0.25)})
    assert measured == accuracy(network, DATA.load().validation)


def test_a_trial_leaves_the_network_and_is_made_once(
    network: nn.Module, work: Work, watched: list[Update], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = network.get_parameter("fc1.weight").clone()
    measured = trials_of(network, work).with_retraining(ALPHAS)
    assert bool((network.get_parameter("fc1.weight") == before).all())
    monkeypatch.delattr(trials, "train")
    assert trials_of(network, work).with_retraining(ALPHAS) == measured
    assert [(update.done, update.figures) for update in watched] == [(1, {"validation accuracy": measured})] * 2


def test_trials_are_trained_and_measured_on_the_device_given(
    network: nn.Module, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices: list[str] = []

    def remember(network: Any, device: str) -> Any:
        devices.append(device)
        return on_device(network, "cpu")

    monkeypatch.setattr(trials, "on_device", remember)
    found = trials_of(network, work, "cuda")
    found.with_retraining(ALPHAS)
    found.without_retraining(ALPHAS)
    assert devices == ["cuda", "cuda"]
