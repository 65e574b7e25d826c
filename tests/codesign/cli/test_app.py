from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from codesign.cli.app import app, main
from rtl.presets import PRESETS, preset


def call(*arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    return stopped.value.code


COMMANDS = [
    "train",
    "breakeven",
    "compress",
    "evaluate",
    "export",
    "generate",
    "import",
    "simulate",
    "synthesize",
    "run",
    "report",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_commands_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(command, "--help") == 0
    assert f"Example: codesign {command} " in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_helps_are_shown_as_they_are_written(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rich takes words in brackets for markup, unless a backslash stands before them."""
    monkeypatch.setenv("COLUMNS", "2000")
    assert call(command, "--help") == 0
    shown = " ".join(capsys.readouterr().out.split())
    described = typer.main.get_command(app).commands[command]  # type: ignore[attr-defined]
    texts = [described.help.split("\n")[0], *(parameter.help for parameter in described.params if parameter.help)]
    assert not [text for text in texts if " ".join(text.replace("\\[", "[").split()) not in shown]


def test_no_command_lacks_a_test_of_its_help() -> None:
    names = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert names == set(COMMANDS)


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--version") == 0
    assert capsys.readouterr().out.startswith("codesign ")


def test_help_does_not_wait_for_torch() -> None:
    code = "import sys; from codesign.cli.app import app; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3]).returncode == 0


def test_generate_lists_the_presets_and_emits_one_with_changes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert call("generate", "--help") == 0
    shown = capsys.readouterr().out
    assert all(f"{name}:" in shown for name in PRESETS)
    assert call("generate", "--preset", "tiny", "--rows", "2", "--json", "--out", str(tmp_path)) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["array"] == preset("tiny").replace(rows=2).to_dict()
    assert all(Path(path).exists() for path in result["files"])
