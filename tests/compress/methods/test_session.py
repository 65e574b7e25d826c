import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.data.datasets import Dataset
from compress.methods.session import open_session

SHORT = AdmmConfig(iterations=1, batch_size=16, retrain_epochs=1)


def test_no_epochs_leave_the_network_as_it_is(small_network: nn.Module, small_data: Dataset) -> None:
    before = copy.deepcopy(small_network.state_dict())
    with open_session("test", small_network, small_data, SHORT) as run:
        assert run.train("retrain", 0) == ()
    assert all(torch.equal(value, before[name]) for name, value in small_network.state_dict().items())


def test_a_checkpoint_made_with_other_facts_is_refused(
    small_network: nn.Module, small_data: Dataset, tmp_path: Path
) -> None:
    start = copy.deepcopy(small_network)
    with open_session("test", small_network, small_data, SHORT, tmp_path / "c", bits=3) as run:
        assert len(run.train("retrain", 1)) == 1
    with (
        pytest.raises(CodesignError, match="another run: bits differ"),
        open_session("test", start, small_data, SHORT, tmp_path / "c", bits=4),
    ):
        pass


def test_a_method_that_hides_state_from_its_checkpoint_is_noticed(
    small_network: nn.Module, small_data: Dataset, assert_resumable: Callable[..., int]
) -> None:
    def forgetful(network: nn.Module, checkpoint: Path | None, progress: Any) -> int:
        steps: list[object] = []
        with open_session("test", network, small_data, SHORT, checkpoint, progress) as run:
            run.train("retrain", 3, after_step=lambda: steps.append(None))
        return len(steps)

    with pytest.raises(AssertionError):
        assert_resumable(small_network, forgetful)
