"""A command line that must refuse, and good files to spoil."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from codesign.cli.app import main
from compress.model.model_file import save_model
from tests.codesign.models import small_model
from tests.codesign.refusals import Refused, RunFile, tree

RUN = """
seed = 0
[network]
name = "digits-net"
[data]
name = "digits"
[train]
epochs = 1
"""


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Refused:
    """Run the command line, check how it refuses, and return what it told."""
    monkeypatch.setenv("CODESIGN_CACHE", str(tmp_path.parent / "cache"))

    def run(*arguments: object) -> str:
        before = tree(tmp_path)
        with pytest.raises(SystemExit) as stopped:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert stopped.value.code == 2
        assert captured.out == ""
        told = re.fullmatch(
            r"(?:(?:\[\d+/\d+\] .*|simulate|evaluate|synthesize) \.\.\.\n)*error: (.+)\nnext: (.+)\n",
            captured.err,
            re.DOTALL,
        )
        assert told is not None, captured.err
        assert "Traceback" not in captured.err
        assert captured.err.count("error: ") == 1
        assert tree(tmp_path) == before, "something half-written was left behind"
        return captured.err

    return run


@pytest.fixture
def run_file(tmp_path: Path) -> RunFile:
    """A run file with one replacement made in it."""

    def write(old: str = "", new: str = "") -> Path:
        assert old in RUN
        path = tmp_path / "run.toml"
        path.write_text(RUN.replace(old, new, 1))
        return path

    return write


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_model(small_model(), path)
    return path


@pytest.fixture
def array(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    with pytest.raises(SystemExit) as stopped:
        main(["generate", str(model), "--rows", "2", "--lanes", "4", "--out", str(tmp_path / "array")])
    assert stopped.value.code == 0
    capsys.readouterr()
    return tmp_path / "array"
