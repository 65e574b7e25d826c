from __future__ import annotations

from codesign.loop.file_names import NETWORK
from codesign.loop.inputs import Work
from codesign.loop.stages.training import TrainingResult, TrainSettings, run
from codesign.settings.data import Data
from codesign.settings.network_file import NetworkSource
from compress.train.training import TrainingConfig, accuracy
from tests.codesign.loop.stages.conftest import GiveInputs


def test_the_result_tells_of_the_network_that_is_written(
    network: NetworkSource, data: Data, inputs: GiveInputs, work: Work
) -> None:
    result = run(inputs(), TrainSettings(network, data, 0, TrainingConfig(epochs=2)), work)
    assert [record.epoch for record in result.history] == [0, 1]
    assert result.images.train + result.images.validation + result.images.test == 1797
    written = network.read(work.folder / NETWORK)
    assert accuracy(written, data.load().validation) == result.validation_accuracy
    result.write(work.folder)
    assert TrainingResult.read(work.folder) == result
