from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from codesign.loop.file_names import MODEL, NETWORK, PRUNED, QUANTIZED
from codesign.loop.inputs import Work
from codesign.loop.stages import quantization
from codesign.loop.stages.pruning import PruningResult
from codesign.loop.stages.quantization import QuantizationResult, QuantizeSettings, run
from codesign.settings.compression import Values
from codesign.settings.data import Data
from codesign.settings.layers import WeightBits
from codesign.settings.network_file import NetworkSource
from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.model.compressed_model import CompressedModel
from compress.model.model_file import load_model, save_model
from compress.networks.layers import prunable_layers
from tests.codesign.loop.stages.conftest import GiveInputs

ADMM = AdmmConfig(iterations=1, retrain_epochs=0, batch_size=128, tolerance=0)
PRUNING = PruningResult(validation_accuracy=0.5, kept={}, intervals={}, history=(), retraining=(), histograms=())


@pytest.fixture
def settings(network: NetworkSource, data: Data) -> QuantizeSettings:
    return QuantizeSettings(network, data, 7, WeightBits(4, layers={"0": 3}), 8, Values("levels", ADMM))


@pytest.fixture(autouse=True)
def _pruned(trained: None, work: Work) -> None:
    (work.folder / NETWORK).rename(work.folder / PRUNED)
    PRUNING.write(work.folder)


def test_the_model_has_levels_of_the_bits_given_and_the_float_network_their_values(
    network: NetworkSource, settings: QuantizeSettings, inputs: GiveInputs, work: Work
) -> None:
    result = run(inputs(PRUNED, PruningResult.FILE), settings, work)
    model = load_model(work.folder / MODEL)
    assert [layer.weight_bits for layer in model.layers] == [3, 4]
    assert model.provenance["seed"] == 7
    floats = prunable_layers(network.read(work.folder / QUANTIZED))
    for layer in model.layers:
        weights = floats[layer.name].weight.detach().numpy().reshape(layer.levels.shape)
        assert np.allclose(weights, layer.levels * result.intervals[layer.name], rtol=1e-6)
    result.write(work.folder)
    assert QuantizationResult.read(work.folder) == result


def test_a_model_that_does_not_read_back_is_an_error(
    settings: QuantizeSettings, inputs: GiveInputs, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(model: CompressedModel, path: Path) -> None:
        first = model.layers[0]
        save_model(CompressedModel.chain((replace(first, levels=-first.levels), *model.layers[1:])), path)

    monkeypatch.setattr(quantization, "save_model", damaged)
    with pytest.raises(CodesignError, match=r"model\.safetensors does not read back"):
        run(inputs(PRUNED, PruningResult.FILE), settings, work)


def test_clusters_are_levels_of_eight_bits_for_the_array(
    settings: QuantizeSettings, inputs: GiveInputs, work: Work
) -> None:
    clusters = replace(settings, values=Values("clusters", ADMM))
    run(inputs(PRUNED, PruningResult.FILE), clusters, work)
    layers = load_model(work.folder / MODEL).layers
    assert [layer.weight_bits for layer in layers] == [8, 8]
    for layer, most in zip(layers, (2**3, 2**4), strict=True):
        assert 1 < len(np.unique(layer.levels[layer.levels != 0])) <= most


def test_rounded_levels_need_no_training(settings: QuantizeSettings, inputs: GiveInputs, work: Work) -> None:
    rounded = replace(settings, values=Values("rounded", ADMM))
    result = run(inputs(PRUNED, PruningResult.FILE), rounded, work)
    assert (result.history, result.retraining) == ((), ())


def test_weights_that_are_on_levels_stay(settings: QuantizeSettings, inputs: GiveInputs, work: Work) -> None:
    intervals = {"0": 0.25, "5": 0.125}
    PRUNING.model_copy(update={"intervals": intervals}).write(work.folder)
    result = run(inputs(PRUNED, PruningResult.FILE), settings, work)
    assert result.intervals == intervals
    assert result.retraining == ()
