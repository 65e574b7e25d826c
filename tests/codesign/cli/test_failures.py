"""Every failure has one exit code and one message; only a fault of the toolkit shows a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from codesign.cli.app import main
from codesign.errors import MismatchError
from compress.base.errors import CodesignError

ROOT = Path(__file__).parents[3]
OutOfMemoryError = type("OutOfMemoryError", (RuntimeError,), {})  # as torch's


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (CodesignError("no file", "make one"), 2, "error: no file\nnext: make one\n"),
        (MismatchError("layer 'fc'"), 1, "error: layer 'fc'\n"),
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
        (OSError(28, "No space left on device", "out/model"), 2, "cannot use out/model: No space left on device\n"),
        (OSError("odd"), 2, "cannot use a file or stdout: odd\n"),
        (MemoryError(), 2, "not enough memory"),
        (OutOfMemoryError("CUDA out of memory"), 2, "not enough memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 2, "not enough memory"),
    ],
)
def test_a_failure_is_told_in_one_message(
    error: BaseException,
    code: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _fails_with(error, monkeypatch) == code
    shown = capsys.readouterr()
    assert told in shown.err
    assert shown.err.count("error: ") == shown.err.count("next: ") == 1
    assert "Traceback" not in shown.err
    assert not shown.out


def test_a_fault_of_the_toolkit_is_no_mismatch_and_shows_where_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _fails_with(ZeroDivisionError("by zero"), monkeypatch) == 3
    told = capsys.readouterr().err
    assert told.startswith("Traceback")
    assert told.endswith(
        "error: a fault in codesign: ZeroDivisionError: by zero\nnext: report it with the lines above\n"
    )


def _fails_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int | str | None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("codesign.cli.commands.evaluate", fail)
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", "model"])
    return stopped.value.code


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "codesign.cli", *arguments]
    return subprocess.run(command, capture_output=True, cwd=ROOT, env={**os.environ, **environment})


def test_results_that_nobody_reads_are_no_failure_to_tell() -> None:
    command = f"{sys.executable} -m codesign.cli generate --help | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, cwd=ROOT)
    assert done.returncode in (0, 141)  # 0 where help was printed before the reader had gone
    assert done.stderr == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_under_the_results_is_told() -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "codesign.cli", "--version"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: cannot use a file or stdout: No space left on device\nnext: ")
    assert b"Exception ignored" not in done.stderr


@pytest.mark.parametrize("name", ["Übung ×".encode(), b"\xff\xfe"])
def test_names_that_the_locale_cannot_show_are_told_all_the_same(name: bytes) -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for environment in ({}, ascii_only):
        done = _run("evaluate", os.fsdecode(name), **environment)
        assert done.returncode == 2
        assert b"cannot read the model" in done.stderr
        assert b"Traceback" not in done.stderr


def test_help_can_be_shown_in_an_ascii_locale() -> None:
    done = _run("--help", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert done.returncode == 0
    assert done.stdout.isascii()
