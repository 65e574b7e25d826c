"""Every other mistake of a command line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from codesign.report.report import SCHEMA_VERSION
from tests.codesign.refusals import Refused, RunFile


def test_an_output_folder_below_a_file_is_told(
    refused: Refused, run_file: RunFile, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("a file")
    assert "file" in refused("generate", model, "--out", tmp_path / "file" / "array")


def test_a_report_that_is_not_there_is_told(refused: Refused, tmp_path: Path) -> None:
    assert "codesign run" in refused("report", tmp_path)


def test_a_foreign_report_is_told(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text('{"schema": {"name": "codesign-report", "version": 99}}')
    assert f"is not a codesign-report of version {SCHEMA_VERSION}" in refused("report", tmp_path)


@pytest.mark.parametrize("arguments", [["runn"], ["run"], ["run", "x.toml"], ["run", "x.toml", "--outt", "y"]])
def test_a_wrong_command_line_is_told_with_where_help_is(refused: Refused, arguments: list[str]) -> None:
    assert "--help" in refused(*arguments)


@pytest.mark.parametrize("arguments", [["run", "none.toml", "--out", "out"], ["generate", "none", "--out", "out"]])
def test_the_installed_command_refuses_without_a_traceback(tmp_path: Path, arguments: list[str]) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-m", "codesign.cli", *arguments]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert result.returncode == 2
    assert result.stdout == ""
    assert re.fullmatch(r"error: .+\nnext: .+\n", result.stderr, re.DOTALL)
    assert list(tmp_path.iterdir()) == []
