"""ADMM-prune to the chosen alphas, and retrain with the mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from codesign.loop.chosen_alphas import AlphasResult
from codesign.loop.data import Data
from codesign.loop.file_names import NETWORK, PRUNED
from codesign.loop.inputs import Inputs, Work
from codesign.loop.network_file import NetworkSource, save_network
from codesign.loop.results import Result
from compress.admm.iteration import AdmmConfig, AdmmStep
from compress.methods.prune import prune_admm
from compress.train.histograms import LayerHistograms, admm_histograms, copy_weights
from compress.train.training import EpochRecord, accuracy

__all__ = ["PruneSettings", "PruningResult", "run"]


@dataclass(frozen=True)
class PruneSettings:
    """The ADMM run and its retraining."""

    network: NetworkSource
    data: Data
    admm: AdmmConfig


class PruningResult(Result):
    """How pruning went; the weights are in ``PRUNED``.

    Members
    -------
    kept : dict
        Weights left, by layer.
    """

    FILE: ClassVar = "pruning.json"
    COMMAND: ClassVar = "codesign compress"

    validation_accuracy: float
    kept: dict[str, int]
    history: tuple[AdmmStep, ...]
    retraining: tuple[EpochRecord, ...]
    histograms: tuple[LayerHistograms, ...]


def run(inputs: Inputs, settings: PruneSettings, work: Work) -> PruningResult:
    """Prune the trained network."""
    network, dataset = settings.network.read(inputs.path(NETWORK)), settings.data.load()
    alphas = inputs.result(AlphasResult).alphas
    before = copy_weights(network)
    found = prune_admm(network, dataset, alphas, settings.admm, work.scratch / "prune.pt", work.progress)
    save_network(network, settings.network.name, work.folder / PRUNED)
    return PruningResult(
        validation_accuracy=accuracy(network, dataset.validation),
        kept={name: int(mask.sum()) for name, mask in found.masks.items()},
        history=found.history,
        retraining=found.retraining,
        histograms=admm_histograms(before, found.admm_weights, network),
    )
