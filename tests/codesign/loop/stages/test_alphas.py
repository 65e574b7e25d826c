from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from codesign.loop import trials
from codesign.loop.chosen_alphas import AlphasResult
from codesign.loop.figures import BreakEvenResult, CurvePoint, LayerCurve, TechnologyFigures
from codesign.loop.file_names import NETWORK
from codesign.loop.inputs import Work
from codesign.loop.stages.alphas import METHOD, AlphaSettings, run
from codesign.loop.trials import TrialSettings
from codesign.settings.data import Data
from codesign.settings.layers import GivenAlphas
from codesign.settings.network_file import NetworkSource
from codesign.settings.task import TaskSource
from compress.base.errors import CodesignError
from compress.base.progress import Update
from compress.base.store import Store
from compress.data.task import Metric
from compress.train.training import TrainingConfig, accuracy, train
from flows.search.break_even_ratio import BreakEvenRatio
from flows.technology.technology import generic_technology
from tests.codesign.loop.stages.conftest import GiveInputs


@pytest.fixture
def settings(network: NetworkSource, data: Data) -> AlphaSettings:
    retraining = TrainingConfig(epochs=1, batch_size=64, weight_decay=0.0, seed=1)
    return AlphaSettings(network, data, None, 0.4, 0.05, TrialSettings(retraining, 60, "cpu"))


@pytest.fixture
def measured(work: Work, trained: None) -> None:
    """Break-even curves that say: prune every layer."""
    point = CurvePoint(pruned_portion=0.0, **dict.fromkeys(list(CurvePoint.model_fields)[1:]))
    curves = [
        LayerCurve(
            layer=name,
            indices=("fixed3",),
            budget=1.0,
            area_unit="GE",
            time_unit="FO4",
            break_even_ratio=BreakEvenRatio(1.0, 1.01),
            dense=point,
            points=(point,),
        )
        for name in ("0", "5")
    ]
    BreakEvenResult(technology=TechnologyFigures.of(generic_technology()), curves=tuple(curves)).write(work.folder)


def choose(settings: AlphaSettings, inputs: GiveInputs, work: Work) -> AlphasResult:
    return run(inputs(NETWORK, BreakEvenResult.FILE), settings, work)


def test_given_alphas_are_taken_as_they_are(
    trained: None, settings: AlphaSettings, inputs: GiveInputs, work: Work
) -> None:
    given = GivenAlphas("a paper", {"*": 0.5}, {"5": 0.25})
    result = choose(AlphaSettings(**{**vars(settings), "given": given}), inputs, work)
    assert result == AlphasResult(method="a paper", alphas={"0": 0.5, "5": 0.25})
    with pytest.raises(CodesignError, match=r"compress\.alpha names layer 'fc'"):
        choose(AlphaSettings(**{**vars(settings), "given": GivenAlphas("given", layers={"fc": 0.5})}), inputs, work)


def test_a_search_tells_every_set_that_it_tried(
    measured: None, settings: AlphaSettings, inputs: GiveInputs, work: Work, watched: list[Update]
) -> None:
    result = choose(settings, inputs, work)
    assert result.method == METHOD
    assert result.alphas.keys() == {"0", "5"}
    assert len(watched) == len(result.trials) > 5
    assert all(trial.accepted == (trial.accuracy >= (result.validation_floor or 0)) for trial in result.trials)
    result.write(work.folder)
    assert AlphasResult.read(work.folder) == result


@pytest.mark.parametrize(("tolerance", "accepted"), [(0.0, True), (-0.1, False)])
def test_a_figure_of_which_less_is_better_must_not_rise_above_its_limit(
    measured: None, settings: AlphaSettings, inputs: GiveInputs, work: Work, tolerance: float, accepted: bool
) -> None:
    """Masks of random weights lose nothing and gain little."""
    task = TaskSource("stages_test_network:step", metric=Metric("loss", "", higher_is_better=False))
    data = replace(settings.data, task=task)
    dense = accuracy(settings.network.read(work.folder / NETWORK), data.load().validation)
    result = choose(replace(settings, data=data, tolerance=tolerance), inputs, work)
    limit = result.validation_floor
    assert limit is not None
    assert limit == pytest.approx(dense + tolerance)
    assert all(trial.accepted == (trial.accuracy <= limit) for trial in result.trials)
    assert {trial.accepted for trial in result.trials} == {accepted}


class Trainer:
    """Trains as the trials do, and is interrupted at its ``stop``-th call."""

    def __init__(self, stop: int = 0) -> None:
        self.calls, self.stop = 0, stop

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.calls += 1
        if self.calls == self.stop:
            raise KeyboardInterrupt
        return train(*arguments, **named)


def test_ten_interruptions_cost_no_trial_that_was_finished(
    measured: None, settings: AlphaSettings, inputs: GiveInputs, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = Trainer()
    monkeypatch.setattr(trials, "train", undisturbed)
    expected = choose(settings, inputs, Work(work.folder, work.scratch, Store(work.scratch)))
    trained = 0
    for _ in range(10):
        stopped = Trainer(stop=2)
        monkeypatch.setattr(trials, "train", stopped)
        try:
            found = choose(settings, inputs, work)
        except KeyboardInterrupt:
            found = None
        trained += stopped.calls - (found is None)
    last = Trainer()
    monkeypatch.setattr(trials, "train", last)
    assert choose(settings, inputs, work) == expected
    assert trained + last.calls == undisturbed.calls
