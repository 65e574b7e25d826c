"""What README and docs/api.md show is what happens."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from compress.base.errors import CodesignError
from sim.simulate.simulator import find_simulator

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def printed_by(page: str) -> tuple[str, str]:
    """What the one block of Python on a page prints, and the block below it."""
    ((code, shown),) = re.findall(r"```python\n(.*?)```\n+```\n(.*?)```", page, re.DOTALL)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {})
    return printed.getvalue(), shown


def test_the_readmes_python_prints_what_stands_below_it() -> None:
    printed, shown = printed_by(README)
    assert printed == shown


def test_the_api_pages_python_prints_what_stands_below_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        find_simulator()
    except CodesignError as error:
        pytest.skip(error.cause)
    monkeypatch.chdir(tmp_path)
    printed, shown = printed_by((ROOT / "docs" / "api.md").read_text(encoding="utf-8"))
    assert printed == shown


def test_a_wrong_output_is_seen() -> None:
    printed, shown = printed_by("```python\nprint(1 + 1)\n```\n\n```\n3\n```\n")
    assert printed == "2\n" != shown


def test_every_linked_file_exists() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert links
    assert all((ROOT / link).exists() for link in links)
