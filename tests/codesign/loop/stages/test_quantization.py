from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from codesign.loop.data import Data
from codesign.loop.file_names import MODEL, NETWORK, PRUNED, QUANTIZED
from codesign.loop.inputs import Work
from codesign.loop.layers import WeightBits
from codesign.loop.network_file import NetworkSource
from codesign.loop.stages import quantization
from codesign.loop.stages.quantization import QuantizationResult, QuantizeSettings, run
from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.model.compressed_model import CompressedModel
from compress.model.model_file import load_model, save_model
from compress.networks.chain import prunable_layers
from tests.codesign.loop.stages.conftest import GiveInputs

ADMM = AdmmConfig(iterations=1, retrain_epochs=0, batch_size=128, tolerance=0)


@pytest.fixture
def settings(network: NetworkSource, data: Data) -> QuantizeSettings:
    return QuantizeSettings(network, data, 7, WeightBits(4, layers={"0": 3}), 8, ADMM)


@pytest.fixture(autouse=True)
def _pruned(trained: None, work: Work) -> None:
    (work.folder / NETWORK).rename(work.folder / PRUNED)


def test_the_model_has_levels_of_the_bits_given_and_the_float_network_their_values(
    network: NetworkSource, settings: QuantizeSettings, inputs: GiveInputs, work: Work
) -> None:
    result = run(inputs(PRUNED), settings, work)
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
        save_model(CompressedModel((replace(first, levels=-first.levels), *model.layers[1:])), path)

    monkeypatch.setattr(quantization, "save_model", damaged)
    with pytest.raises(CodesignError, match=r"model\.safetensors does not read back"):
        run(inputs(PRUNED), settings, work)
