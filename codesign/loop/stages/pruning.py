"""Prune by the method that the run file names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from torch import nn

from codesign.loop.chosen_alphas import AlphasResult
from codesign.loop.file_names import NETWORK, PRUNED
from codesign.loop.inputs import Inputs, Work
from codesign.loop.results import Result
from codesign.settings.compression import prune_network
from codesign.settings.data import Data
from codesign.settings.layers import WeightBits, geometries
from codesign.settings.network_file import NetworkSource, save_network
from compress.admm.iteration import AdmmConfig, AdmmStep
from compress.data.datasets import Dataset
from compress.methods.registry import METHODS, Target
from compress.train.histograms import LayerHistograms, admm_histograms, copy_weights
from compress.train.launch import together
from compress.train.training import EpochRecord, accuracy

__all__ = ["PruneSettings", "PruningResult", "run"]


@dataclass(frozen=True)
class PruneSettings:
    """Method, target and settings; alphas come from an earlier stage, bits are for a method that quantizes too."""

    network: NetworkSource
    data: Data
    method: str
    target: Target
    admm: AdmmConfig
    bits: WeightBits | None = None
    processes: int = 1

    def target_of(self, network: nn.Module, dataset: Dataset, alphas: dict[str, float]) -> Target:
        """The whole target."""
        one_for_all = self.target.ratio is not None or bool(self.target.steps)
        bits = {} if self.bits is None else self.bits.of(geometries(network, dataset.input_shape))
        return replace(self.target, alphas={} if one_for_all else alphas, weight_bits=bits)


class PruningResult(Result):
    """How pruning went; the weights are in ``PRUNED``.

    Members
    -------
    kept : dict
        Weights left, by layer.
    intervals : dict
        Real value of level 1 by layer, of a method that quantizes too; else empty.
    """

    FILE: ClassVar = "pruning.json"
    COMMAND: ClassVar = "codesign compress"

    validation_accuracy: float
    kept: dict[str, int]
    intervals: dict[str, float]
    history: tuple[AdmmStep, ...]
    retraining: tuple[EpochRecord, ...]
    histograms: tuple[LayerHistograms, ...]


def run(inputs: Inputs, settings: PruneSettings, work: Work) -> PruningResult:
    """Prune the trained network."""
    network, dataset = settings.network.read(inputs.path(NETWORK)), settings.data.load()
    before = copy_weights(network)
    network, outcome = together(
        settings.processes,
        prune_network,
        network,
        dataset,
        settings.method,
        settings.target_of(network, dataset, inputs.result(AlphasResult).alphas),
        settings.admm,
        work.scratch,
        progress=work.progress,
    )
    folded, found = METHODS[settings.method].folds, outcome.pruned
    save_network(network, settings.network.name, work.folder / PRUNED, folded)
    return PruningResult(
        validation_accuracy=accuracy(network, dataset.validation),
        kept={name: int(mask.sum()) for name, mask in found.masks.items()},
        intervals=outcome.intervals,
        history=found.history,
        retraining=found.retraining,
        histograms=admm_histograms(before, found.admm_weights, network),
    )
