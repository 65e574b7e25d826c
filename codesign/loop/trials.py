"""How accurate a network stays at given alphas: a cheap stand-in for ADMM.

Magnitude masks, then a short masked retraining on a part of the training images. ADMM does better, so a choice made by
these accuracies is on the safe side. Each trial starts from the same weights and the same seed, and is a result of its
own: a search that was stopped takes the same way again, and the trials it has made take no time.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from codesign.loop.inputs import Work
from codesign.settings.data import Data
from compress.base.digests import as_json
from compress.base.progress import Update
from compress.base.sources import source_digest
from compress.data.datasets import Dataset
from compress.networks.layers import prunable_layers
from compress.sets.masks import hold_masked, magnitude_mask
from compress.train.checkpoint import digest
from compress.train.settings import on_device
from compress.train.training import TrainingConfig, accuracy, train

__all__ = ["TrialSettings", "Trials"]

USUAL_COUNT = 15  # trials of a search, for the progress bar


@dataclass(frozen=True)
class TrialSettings:
    """The masked retraining of each trial, None without one, on the first ``images`` training images.

    All of it, measurements too, is done on ``device``.
    """

    retraining: TrainingConfig | None
    images: int
    device: str


class Trials:
    """Validation accuracies of a trained network at alphas by layer name; layers left out are dense.

    Of another task than classification these are its scores: the higher one is better.
    """

    def __init__(self, network: nn.Module, data: Data, settings: TrialSettings, work: Work) -> None:
        self._network, self._settings, self._work = network, settings, work
        self._dataset = data.load()
        self._metric = self._dataset.task.metric
        self._common = {
            "part": "trial of alphas",
            "source": source_digest(__name__),
            "network": digest(network.state_dict()),
            "data": as_json(data),
        }
        self._done = 0

    def without_retraining(self, alphas: Mapping[str, float]) -> float:
        """With masks alone."""
        return self._metric.score(self._kept(alphas, None))

    def with_retraining(self, alphas: Mapping[str, float]) -> float:
        """After the masked retraining."""
        measured = self._kept(alphas, self._settings.retraining)
        self._done += 1
        most = max(USUAL_COUNT, self._done + 1)
        figures = {f"validation {self._metric.name}": measured}
        self._work.progress(Update("sets of alphas tried", self._done, most, figures))
        return self._metric.score(measured)

    def _kept(self, alphas: Mapping[str, float], retraining: TrainingConfig | None) -> float:
        images = self._settings.images if retraining is not None else 0
        key = self._common | {"alphas": as_json(alphas), "images": images, "retraining": as_json(retraining)}
        found: Any = self._work.parts.get(key)
        return float(self._work.parts.put(key, self._measure(alphas, retraining)) if found is None else found)

    def _measure(self, alphas: Mapping[str, float], retraining: TrainingConfig | None) -> float:
        network = copy.deepcopy(self._network)
        layers = prunable_layers(network)
        held = hold_masked(
            network, {name: magnitude_mask(layers[name].weight, alpha) for name, alpha in alphas.items()}
        )
        with on_device(network, self._settings.device):
            if retraining is not None:
                train(network, self._part(), retraining, fixed=held)
            return accuracy(network, self._dataset.validation)

    def _part(self) -> Dataset:
        whole = self._dataset
        return Dataset(whole.name, whole.train.take(self._settings.images), whole.validation, whole.test)
