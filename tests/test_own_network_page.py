"""The run files and modules of docs/own-network.md do what the page says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch

from codesign.cli.app import main
from codesign.settings.run_file import load_config
from compress import CodesignError, Metric, Task, accuracy, build_network, load_dataset

PAGE = (Path(__file__).parents[1] / "docs" / "own-network.md").read_text(encoding="utf-8")
TOMLS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
DATA, TASK = '[data]\nname = "digits"\n', "[task]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The page's modules, and trained weights."""
    for name, source in re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, re.DOTALL):
        (tmp_path / name).write_text(source)
    (tmp_path / "my_net.py").write_text((tmp_path / "my_task.py").read_text())
    torch.save(build_network("my_task:net", 0, tmp_path).state_dict(), tmp_path / "trained.pt")
    return tmp_path


def test_every_run_file_on_the_page_is_valid(folder: Path) -> None:
    assert len(TOMLS) == 5
    for text in TOMLS:
        sections = [text, *([] if "[data]" in text else [DATA])]
        sections += [] if "[network]" in text else ['[network]\nname = "digits-net"\n']
        (folder / "run.toml").write_text("\n".join(sections))
        load_config(folder / "run.toml")


def test_the_pages_task_is_trained_from_the_pages_weights(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (text,) = (text for text in TOMLS if TASK in text)
    (folder / "run.toml").write_text(text.replace('"my_task:net"', '"my_task:net"\nweights = "trained.pt"'))
    with pytest.raises(SystemExit) as stopped:
        main(["train", str(folder / "run.toml"), "--out", str(folder / "out")])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.startswith("validation RMSE 0.0")
    training = json.loads((folder / "out" / "training.json").read_text())
    assert training["metric"] == {"name": "RMSE", "unit": "", "higher_is_better": False}
    assert len(training["history"]) == 20


def test_the_pages_data_and_task_work_from_python(folder: Path) -> None:
    modules: dict[str, dict[str, object]] = {"my_task.py": {}}
    exec((folder / "my_task.py").read_text(), modules["my_task.py"])
    step, rmse = (modules["my_task.py"][name] for name in ("step", "rmse"))
    task = Task(name="halves", step=step, evaluate=rmse, metric=Metric("RMSE", "", higher_is_better=False))  # type: ignore[arg-type]
    data = load_dataset("my_data:halves", seed=0, folder=folder, task=task)
    assert 0 < accuracy(build_network("my_task:net", 0, folder), data.test) < 2
    with pytest.raises(CodesignError, match="int64 labels"):
        load_dataset("my_data:halves", seed=0, folder=folder)
