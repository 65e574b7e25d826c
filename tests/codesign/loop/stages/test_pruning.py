from __future__ import annotations

from dataclasses import replace

import pytest

from codesign.loop.chosen_alphas import AlphasResult
from codesign.loop.file_names import NETWORK, PRUNED
from codesign.loop.inputs import Work
from codesign.loop.stages.pruning import PruneSettings, PruningResult, run
from codesign.settings.data import Data
from codesign.settings.layers import WeightBits
from codesign.settings.network_file import NetworkSource
from compress.admm.iteration import AdmmConfig
from compress.methods.registry import Step, Target
from compress.networks.layers import prunable_layers
from tests.codesign.loop.stages.conftest import GiveInputs

ADMM = AdmmConfig(iterations=2, retrain_epochs=1, batch_size=128, tolerance=0)


@pytest.mark.parametrize("alphas", [{"0": 1 / 3, "5": 0.5}, {"0": 1.0, "5": 0.1}])
def test_each_layer_keeps_its_alpha_of_the_weights(
    trained: None, network: NetworkSource, data: Data, inputs: GiveInputs, work: Work, alphas: dict[str, float]
) -> None:
    AlphasResult(method="given", alphas=alphas).write(work.folder)
    settings = PruneSettings(network, data, "admm", Target(), ADMM)
    result = run(inputs(NETWORK, AlphasResult.FILE), settings, work)
    written = prunable_layers(network.read(work.folder / PRUNED))
    kept = {name: int(layer.weight.count_nonzero()) for name, layer in written.items()}
    assert kept == result.kept == {name: round(alpha * written[name].weight.numel()) for name, alpha in alphas.items()}
    assert [step.iteration for step in result.history] == [0, 1]
    assert [layer.layer for layer in result.histograms] == ["0", "5"]
    result.write(work.folder)
    assert PruningResult.read(work.folder) == result


CHOICES = {
    "one-shot": ("one-shot", Target(ratio=3.0)),
    "network": ("one-shot", Target(scope="network", ratio=3.0)),
    "row-balanced": ("projected", Target(scope="row-balanced", ratio=3.0)),
    "n:m": ("one-shot", Target(scope="n:m", pattern="1:3")),
    "progressive": (
        "progressive",
        Target(scope="network", schedule="falling", steps=(Step(2.0, ADMM), Step(3.0, ADMM))),
    ),
    "joint": ("joint", Target(ratio=3.0)),
}


@pytest.fixture
def settings(network: NetworkSource, data: Data, choice: str) -> PruneSettings:
    method, target = CHOICES[choice]
    return PruneSettings(network, data, method, target, ADMM, WeightBits(4) if method == "joint" else None)


@pytest.mark.parametrize("choice", CHOICES)
def test_every_method_and_scope_can_be_asked_for(
    trained: None, settings: PruneSettings, inputs: GiveInputs, work: Work, choice: str
) -> None:
    AlphasResult(method="one ratio", alphas={}).write(work.folder)
    result = run(inputs(NETWORK, AlphasResult.FILE), settings, work)
    written = prunable_layers(settings.network.read(work.folder / PRUNED))
    kept = {name: int(layer.weight.count_nonzero()) for name, layer in written.items()}
    size = sum(layer.weight.numel() for layer in written.values())
    assert kept == result.kept
    assert 0 < sum(kept.values()) < 0.6 * size
    assert bool(result.intervals) == (choice == "joint")
    assert [len(layer.moments) for layer in result.histograms] == [3 if choice == "joint" else 2] * 2


@pytest.mark.parametrize("choice", ["network"])
def test_two_processes_prune_to_the_same_number_of_weights(
    trained: None, settings: PruneSettings, inputs: GiveInputs, work: Work
) -> None:
    AlphasResult(method="one ratio", alphas={}).write(work.folder)
    alone = run(inputs(NETWORK, AlphasResult.FILE), settings, work)
    together = run(inputs(NETWORK, AlphasResult.FILE), replace(settings, processes=2), work)
    assert sum(together.kept.values()) == sum(alone.kept.values())
    losses = [[record.training_loss for record in result.retraining] for result in (alone, together)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
