from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from codesign.errors import MismatchError
from codesign.loop.inputs import Inputs, Work
from codesign.loop.results import Result
from codesign.loop.stage import Stage, run_stages
from codesign.loop.workspace import Workspace
from codesign.settings.run_config import DataSection, NetworkSection, RunConfig
from compress.base.errors import CodesignError

CONFIG = RunConfig(network=NetworkSection(name="digits-net"), data=DataSection(name="digits"))


class First(Result):
    FILE: ClassVar = "first.json"
    COMMAND: ClassVar = "codesign first"
    seed: int


class Second(Result):
    FILE: ClassVar = "second.json"
    COMMAND: ClassVar = "codesign second"
    seed: int
    wrong: bool

    def check(self) -> None:
        if self.wrong:
            raise MismatchError("wrong")


class Recorder:
    """Two stages, the second reading the first's file, that count how often they run."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.checks = 0
        self.seed = 0
        self.interrupt = ""
        self.wrong = False

    def stages(self) -> tuple[Stage[int], Stage[int]]:
        first = Stage("first", "first", self.first, lambda _: self.seed, First, check=self.count)
        second = Stage(
            "second", "second", self.second, lambda _: 0, Second, ("note",), inputs=("first.json",), after=(first,)
        )
        return first, second

    def count(self, _: RunConfig) -> None:
        self.checks += 1

    def first(self, inputs: Inputs, settings: int, work: Work) -> First:
        self._begin("first", work)
        return First(seed=settings)

    def second(self, inputs: Inputs, settings: int, work: Work) -> Second:
        self._begin("second", work)
        (work.folder / "note").write_text("made")
        return Second(seed=inputs.result(First).seed, wrong=self.wrong)

    def _begin(self, name: str, work: Work) -> None:
        self.runs.append(name)
        work.scratch.mkdir(parents=True, exist_ok=True)
        (work.scratch / "checkpoint").write_text("epoch 3")
        if self.interrupt == name:
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def _source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codesign.loop.stage.source_digest", lambda module: module)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(CONFIG, tmp_path / "out")


def test_finished_stages_are_skipped(recorder: Recorder, workspace: Workspace) -> None:
    run_stages(recorder.stages(), workspace)
    run_stages(recorder.stages(), workspace)
    assert recorder.runs == ["first", "second"]
    assert recorder.checks == 1


def test_an_interrupted_stage_runs_again_and_finds_its_checkpoint(recorder: Recorder, workspace: Workspace) -> None:
    recorder.interrupt = "second"
    with pytest.raises(KeyboardInterrupt):
        run_stages(recorder.stages(), workspace)
    assert not workspace.path("second.json").exists()
    assert len(list(workspace.path(".checkpoints").rglob("checkpoint"))) == 1
    recorder.interrupt = ""
    run_stages(recorder.stages(), workspace)
    assert recorder.runs == ["first", "second", "second"]
    assert not workspace.path(".checkpoints").exists()


def test_other_settings_run_the_stage_and_those_after_it_again(recorder: Recorder, workspace: Workspace) -> None:
    run_stages(recorder.stages(), workspace)
    recorder.seed = 1
    run_stages(recorder.stages(), workspace)
    assert recorder.runs == ["first", "second"] * 2


def test_other_source_runs_the_stage_again(
    recorder: Recorder, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_stages(recorder.stages(), workspace)
    monkeypatch.setattr("codesign.loop.stage.source_digest", lambda module: f"edited {module}")
    run_stages(recorder.stages(), workspace)
    assert recorder.runs == ["first", "second"] * 2


def test_an_altered_or_lost_file_is_made_again(recorder: Recorder, workspace: Workspace) -> None:
    run_stages(recorder.stages(), workspace)
    workspace.path("first.json").write_text("{}")
    run_stages(recorder.stages(), workspace)
    assert recorder.runs == ["first", "second", "first"]
    for name in ("second.json", "note"):
        workspace.path(name).unlink()
        run_stages(recorder.stages(), workspace)
    assert recorder.runs == ["first", "second", "first", "second", "second"]


def test_fresh_runs_everything_again(recorder: Recorder, workspace: Workspace) -> None:
    run_stages(recorder.stages(), workspace)
    run_stages(recorder.stages(), workspace, fresh=True)
    assert recorder.runs == ["first", "second"] * 2


def test_a_result_that_must_stop_the_run_is_written_and_not_recorded(recorder: Recorder, workspace: Workspace) -> None:
    recorder.wrong = True
    for _ in range(2):
        with pytest.raises(MismatchError):
            run_stages(recorder.stages(), workspace)
    assert workspace.result(Second).wrong
    assert recorder.runs == ["first", "second", "second"]


def test_a_stage_without_its_input_says_what_to_run(recorder: Recorder, workspace: Workspace) -> None:
    with pytest.raises(CodesignError, match=r"first\.json is missing, which `codesign second` reads") as error:
        run_stages(recorder.stages()[1:], workspace)
    assert "run `codesign first`" in error.value.next_step


def test_a_stage_reads_only_what_is_in_its_key(tmp_path: Path) -> None:
    inputs = Inputs(tmp_path, ("first.json", "array/a.v"))
    assert inputs.path("array") == tmp_path / "array"
    for name in ("second.json", "arr", "array/b.v"):
        with pytest.raises(LookupError, match=name):
            inputs.path(name)


def test_seconds_are_those_of_the_run_that_made_the_outputs(recorder: Recorder, workspace: Workspace) -> None:
    first, second = recorder.stages()
    assert first.seconds(workspace) is None
    run_stages((first, second), workspace)
    assert second.seconds(workspace) is not None
    workspace.path("second.json").unlink()
    assert second.seconds(workspace) is None


def test_a_result_that_is_missing_or_damaged_names_its_command(workspace: Workspace) -> None:
    with pytest.raises(CodesignError, match=r"first\.json") as error:
        workspace.result(First)
    assert "codesign first" in error.value.next_step
    workspace.folder.mkdir()
    for text in ("{", "[]", '{"seed": "1"}', '{"seed": 1, "more": 2}', '{"seed": 1.5}'):
        workspace.path("first.json").write_text(text)
        with pytest.raises(CodesignError, match="is damaged") as error:
            workspace.result(First)
        assert "codesign first" in error.value.next_step


def test_a_result_reads_back_as_written(tmp_path: Path) -> None:
    class Numbers(Result):
        FILE: ClassVar = "numbers.json"
        COMMAND: ClassVar = "codesign numbers"
        values: tuple[float, ...]
        by_name: dict[str, Any]

    result = Numbers(values=(0.1, 1e300, float("inf")), by_name={"a": [1, None]})
    result.write(tmp_path)
    assert Numbers.read(tmp_path) == result
