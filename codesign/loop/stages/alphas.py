"""Choose what fraction of its weights each layer keeps, on the validation split (003 Fig. 5).

The accuracy of a set of alphas is that of a cheap stand-in for ADMM: magnitude masks, then a short masked retraining
on a part of the training images. ADMM does better, so the choice is on the safe side.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import nn

from codesign.loop.alpha_search import AlphaChoice, LayerFacts, choose_alphas, initial_alphas
from codesign.loop.settings import CompressSection
from codesign.loop.stage import Stage
from codesign.loop.stages import break_even, training
from codesign.loop.stages.common import (
    check_layer_settings,
    geometries,
    given_alphas,
    load_data,
    read_network,
    section,
)
from codesign.loop.workspace import Workspace
from compress.base.progress import Update
from compress.data.datasets import Dataset
from compress.methods.presets import preset
from compress.networks.chain import LayerGeometry, prunable_layers
from compress.sets.masks import apply_masks, magnitude_mask
from compress.train.training import FixedWeights, accuracy, train
from flows.search.break_even_ratio import BreakEvenRatio

__all__ = ["STAGE"]


def _run(workspace: Workspace) -> None:
    network, dataset = read_network(workspace), load_data(workspace)
    layers = geometries(network, dataset.input_shape)
    check_layer_settings(workspace, layers)
    alphas = given_alphas(workspace, layers)
    if alphas is None:
        workspace.write_json("alphas.json", _searched(workspace, network, dataset, layers))
    else:
        method = _source(workspace.config.compress)
        workspace.write_json("alphas.json", {"method": method, "alphas": alphas, "restored": [], "trials": []})


def _source(settings: CompressSection) -> str:
    """Where given alphas come from: the run file, or the paper that it names a preset of."""
    if settings.preset is None:
        return "given"
    changed = f"; given for {', '.join(settings.alpha)}" if settings.alpha else ""
    return f"preset {settings.preset} ({preset(settings.preset).source}){changed}"


def _searched(workspace: Workspace, network: nn.Module, dataset: Dataset, layers: list[LayerGeometry]) -> Any:
    settings = workspace.config.compress
    floor = accuracy(network, dataset.validation) - settings.tolerance
    trials = _Trials(workspace, network, dataset)
    names = [layer.name for layer in layers]
    initial = initial_alphas(names, trials.without_retraining, floor, settings.minimum_alpha)
    choice = choose_alphas(_facts(workspace, layers), initial, trials.with_retraining, floor, settings.minimum_alpha)
    return {"method": "003 Fig. 5", "validation_floor": floor, **_as_json(choice)}


def _facts(workspace: Workspace, layers: list[LayerGeometry]) -> list[LayerFacts]:
    curves = workspace.read_json("break_even.json", "codesign breakeven")["curves"]
    ratios = {curve["layer"]: BreakEvenRatio.from_dict(curve["break_even_ratio"]) for curve in curves}
    return [LayerFacts(layer.name, layer.macs, ratios[layer.name]) for layer in layers]


def _as_json(choice: AlphaChoice) -> dict[str, Any]:
    return {**asdict(choice), "restored": list(choice.restored)}


class _Trials:
    """Validation accuracy of the network at given alphas."""

    def __init__(self, workspace: Workspace, network: nn.Module, dataset: Dataset) -> None:
        settings = workspace.config.compress
        self._network, self._dataset = network, dataset
        self._part = Dataset(dataset.name, dataset.train.take(settings.trial_images), dataset.validation, dataset.test)
        self._epochs = settings.trial_epochs
        self._seed = workspace.config.seed
        self._prune = settings.prune
        self._console = workspace.console
        self._done = 0

    def without_retraining(self, alphas: Mapping[str, float]) -> float:
        network, _ = self._pruned(alphas)
        return accuracy(network, self._dataset.validation)

    def with_retraining(self, alphas: Mapping[str, float]) -> float:
        network, pruned = self._pruned(alphas)
        if self._epochs:
            config = self._prune.training(self._epochs, self._seed)
            train(network, self._part, config, fixed=pruned)
        measured = accuracy(network, self._dataset.validation)
        self._done += 1
        figures = {"validation accuracy": measured}
        self._console.progress(Update("sets of alphas tried", self._done, max(15, self._done + 1), figures))
        return measured

    def _pruned(self, alphas: Mapping[str, float]) -> tuple[nn.Module, FixedWeights]:
        network = copy.deepcopy(self._network)
        layers = prunable_layers(network)
        masks = {name: magnitude_mask(layers[name].weight, alpha) for name, alpha in alphas.items()}
        apply_masks(network, masks)
        return network, FixedWeights.outside(network, masks)


STAGE = Stage(
    name="alphas",
    title="choose alpha of each layer",
    command="codesign compress",
    settings=lambda workspace: section(workspace, "network", "data", "compress"),
    inputs=("network.safetensors", "break_even.json"),
    outputs=("alphas.json",),
    packages=("compress", "codesign.loop.alpha_search"),
    run=_run,
    after=(
        training.STAGE,
        break_even.STAGE,
    ),
)
