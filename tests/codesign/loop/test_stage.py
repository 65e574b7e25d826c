from __future__ import annotations

from pathlib import Path

import pytest

from codesign.loop.settings import DataSection, NetworkSection, RunConfig
from codesign.loop.stage import Stage, _sources, run_stages
from codesign.loop.workspace import Workspace
from compress.base.errors import CodesignError

CONFIG = RunConfig(network=NetworkSection(name="digits-net"), data=DataSection(name="digits"))


class Recorder:
    """Two stages, the second reading the first's file, that count how often they run."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.seed = 0
        self.interrupt = ""

    def stages(self) -> tuple[Stage, Stage]:
        return self._stage("first", ()), self._stage("second", ("first.json",))

    def _stage(self, name: str, inputs: tuple[str, ...]) -> Stage:
        def run(workspace: Workspace) -> None:
            self.runs.append(name)
            workspace.scratch.mkdir(parents=True, exist_ok=True)
            (workspace.scratch / "checkpoint").write_text("epoch 3")
            if self.interrupt == name:
                raise KeyboardInterrupt
            workspace.write_json(
                f"{name}.json", {"seed": self.seed, "inputs": [workspace.read_json(i, "") for i in inputs]}
            )

        return Stage(name, name, "codesign run", lambda _: self.seed, inputs, (f"{name}.json",), (), run)


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


def test_an_altered_or_lost_file_is_made_again(recorder: Recorder, workspace: Workspace) -> None:
    run_stages(recorder.stages(), workspace)
    workspace.path("first.json").write_text("{}")
    run_stages(recorder.stages(), workspace)
    assert recorder.runs == ["first", "second", "first"]
    workspace.path("second.json").unlink()
    run_stages(recorder.stages(), workspace)
    assert recorder.runs == ["first", "second", "first", "second"]


def test_fresh_runs_everything_again(recorder: Recorder, workspace: Workspace) -> None:
    run_stages(recorder.stages(), workspace)
    run_stages(recorder.stages(), workspace, fresh=True)
    assert recorder.runs == ["first", "second"] * 2


def test_a_stage_without_its_input_says_what_to_run(recorder: Recorder, workspace: Workspace) -> None:
    with pytest.raises(CodesignError, match=r"first\.json is missing"):
        run_stages(recorder.stages()[1:], workspace)


def test_the_stages_of_the_loop_read_only_what_earlier_ones_write() -> None:
    from codesign.run import STAGES

    for number, stage in enumerate(STAGES):
        assert set(stage.after) <= set(STAGES[:number]), stage.name
        assert set(stage.inputs) <= {name for before in stage.after for name in before.outputs}, stage.name


def test_the_source_of_a_package_within_a_package_counts() -> None:
    assert {"row.py", "rice.py"} <= {path.name for path in _sources("rtl")}
    assert [path.name for path in _sources("rtl.array.row")] == ["row.py"]
