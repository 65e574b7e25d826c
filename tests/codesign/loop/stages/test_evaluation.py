from __future__ import annotations

import shutil

from codesign.loop.evaluate import integer_accuracy
from codesign.loop.file_names import MODEL, NETWORK, PRUNED, PRUNED_MODEL, QUANTIZED
from codesign.loop.inputs import Work
from codesign.loop.stages.evaluation import AccuracyResult, EvaluateSettings, run
from codesign.settings.data import Data
from codesign.settings.network_file import NetworkSource
from compress.model.model_file import save_model
from compress.train.training import accuracy
from tests.codesign.loop.stages.conftest import GiveInputs
from tests.codesign.models import small_model


def test_all_networks_are_measured_on_the_test_split(
    trained: None, network: NetworkSource, data: Data, inputs: GiveInputs, work: Work
) -> None:
    for name in (PRUNED, QUANTIZED):
        shutil.copy(work.folder / NETWORK, work.folder / name)
    for name in (PRUNED_MODEL, MODEL):
        save_model(small_model(), work.folder / name)
    result = run(inputs(NETWORK, PRUNED, PRUNED_MODEL, QUANTIZED, MODEL), EvaluateSettings(network, data), work)
    test = data.load().test
    expected = accuracy(network.read(work.folder / NETWORK), test)
    assert (result.dense, result.pruned, result.compressed) == (expected,) * 3
    assert result.pruned_integer == result.integer == integer_accuracy(small_model(), test)
    assert result.test_images == len(test) == 360
    result.write(work.folder)
    assert AccuracyResult.read(work.folder) == result
