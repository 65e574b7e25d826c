from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from compress.base.errors import CodesignError
from compress.data.datasets import Dataset
from compress.networks.registry import build_network
from compress.train.checkpoint import Checkpoint, describe_run
from compress.train.training import TrainingConfig


def test_states_are_found_again_by_stage(tmp_path: Path) -> None:
    first = Checkpoint(tmp_path / "c", {"kind": "test"})
    assert first.get("a") is None
    first.put("a", {"tensor": torch.arange(3), "epoch": 4})
    first.put("b", {"done": True})
    again = Checkpoint(tmp_path / "c", {"kind": "test"})
    state = again.get("a")
    assert state is not None
    assert state["tensor"].tolist() == [0, 1, 2]
    assert again.get("b") == {"done": True}
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_a_state_does_not_change_after_it_was_put(tmp_path: Path) -> None:
    checkpoint, tensor = Checkpoint(tmp_path / "c", {}), torch.zeros(2)
    checkpoint.put("a", {"tensor": tensor})
    tensor += 1
    checkpoint.put("b", {})
    state = Checkpoint(tmp_path / "c", {}).get("a")
    assert state is not None
    assert state["tensor"].tolist() == [0, 0]


def test_what_changed_between_runs_is_named(tmp_path: Path, small_network: nn.Module, small_data: Dataset) -> None:
    config = TrainingConfig()
    run = describe_run("train", small_network, small_data, config, kept={"4": 3})
    Checkpoint(tmp_path / "c", run).put("train", {})
    assert Checkpoint(tmp_path / "c", describe_run("train", small_network, small_data, config, kept={"4": 3}))
    others = {
        "config.seed, kept": describe_run("train", small_network, small_data, replace(config, seed=1), kept={"4": 2}),
        "network": describe_run("train", build_network("digits-net", 0), small_data, config, kept={"4": 3}),
        "data": describe_run("train", small_network, replace(small_data, train=small_data.test), config, kept={"4": 3}),
        "kind": {**run, "kind": "prune"},
    }
    for cause, other in others.items():
        with pytest.raises(CodesignError, match=f"another run: {cause} differ"):
            Checkpoint(tmp_path / "c", other)


@pytest.mark.parametrize("keep", [0, 1, 100, 1000])
def test_a_truncated_file_is_a_clear_error(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "c"
    Checkpoint(path, {}).put("a", {"tensor": torch.rand(300)})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CodesignError, match="damaged or not a checkpoint"):
        Checkpoint(path, {})


@pytest.mark.parametrize("content", [{"weights": torch.ones(2)}, [1, 2], {"format": "x", "run": {}, "stages": {}}])
def test_a_foreign_file_is_a_clear_error(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "c")
    with pytest.raises(CodesignError, match="checkpoint"):
        Checkpoint(tmp_path / "c", {})


def test_a_disk_without_room_is_a_clear_error_and_keeps_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    Checkpoint(tmp_path / "c", {}).put("a", {"epoch": 1})
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(CodesignError, match=r"cannot write .*c: No space left on device"):
        Checkpoint(tmp_path / "c", {}).put("a", {"epoch": 2})
    assert Checkpoint(tmp_path / "c", {}).get("a") == {"epoch": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
