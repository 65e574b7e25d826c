from __future__ import annotations

from pathlib import Path

import pytest
import torch

from codesign.loop.file_names import NETWORK
from codesign.loop.inputs import Work
from codesign.loop.stages.training import TrainingResult, TrainSettings, run
from codesign.settings.data import Data
from codesign.settings.network_file import NetworkSource
from codesign.settings.weights import Weights
from compress.base.digests import as_json
from compress.base.errors import CodesignError
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


def test_given_weights_are_written_as_they_are_or_trained_further(
    network: NetworkSource, data: Data, inputs: GiveInputs, work: Work, tmp_path: Path
) -> None:
    trained = network.build(seed=5).state_dict()
    torch.save({"state_dict": trained}, tmp_path / "trained.pt")
    weights = Weights.of(str(tmp_path / "trained.pt"))
    result = run(inputs(), TrainSettings(network, data, 0, TrainingConfig(epochs=0), weights=weights), work)
    written = network.read(work.folder / NETWORK)
    assert all(torch.equal(tensor, trained[name]) for name, tensor in written.state_dict().items())
    assert result.history == ()
    assert result.validation_accuracy == accuracy(written, data.load().validation)
    further = run(inputs(), TrainSettings(network, data, 0, TrainingConfig(epochs=3), weights=weights), work)
    assert len(further.history) == 3
    assert further.validation_accuracy > result.validation_accuracy


def test_weights_are_in_the_key_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"1")
    (tmp_path / "same").write_bytes(b"1")
    (tmp_path / "other").write_bytes(b"2")
    one, same, other = (as_json(Weights.of(str(tmp_path / name))) for name in ("one", "same", "other"))
    assert one == same
    assert one != other


def test_weights_that_are_missing_are_told_when_they_are_loaded(network: NetworkSource, tmp_path: Path) -> None:
    weights = Weights.of(str(tmp_path / "missing.pt"))
    assert weights is not None
    with pytest.raises(CodesignError, match=r"cannot read the weights in .*missing\.pt"):
        weights.load_into(network.build(seed=0))
