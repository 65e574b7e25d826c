from __future__ import annotations

import pytest

from codesign.loop.chosen_alphas import AlphasResult
from codesign.loop.data import Data
from codesign.loop.file_names import NETWORK, PRUNED
from codesign.loop.inputs import Work
from codesign.loop.network_file import NetworkSource
from codesign.loop.stages.pruning import PruneSettings, PruningResult, run
from compress.admm.iteration import AdmmConfig
from compress.networks.chain import prunable_layers
from tests.codesign.loop.stages.conftest import GiveInputs

ADMM = AdmmConfig(iterations=2, retrain_epochs=1, batch_size=128, tolerance=0)


@pytest.mark.parametrize("alphas", [{"0": 1 / 3, "5": 0.5}, {"0": 1.0, "5": 0.1}])
def test_each_layer_keeps_its_alpha_of_the_weights(
    trained: None, network: NetworkSource, data: Data, inputs: GiveInputs, work: Work, alphas: dict[str, float]
) -> None:
    AlphasResult(method="given", alphas=alphas).write(work.folder)
    result = run(inputs(NETWORK, AlphasResult.FILE), PruneSettings(network, data, ADMM), work)
    written = prunable_layers(network.read(work.folder / PRUNED))
    kept = {name: int(layer.weight.count_nonzero()) for name, layer in written.items()}
    assert kept == result.kept == {name: round(alpha * written[name].weight.numel()) for name, alpha in alphas.items()}
    assert [step.iteration for step in result.history] == [0, 1]
    assert [layer.layer for layer in result.histograms] == ["0", "5"]
    result.write(work.folder)
    assert PruningResult.read(work.folder) == result
