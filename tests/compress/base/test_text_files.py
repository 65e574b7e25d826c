"""Text files mean the same on every machine: UTF-8, whatever the locale and whoever wrote the line ends."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.base.files import read_text, write_text

ROOT = Path(__file__).parents[3]
SOURCES = [
    path
    for name in ("compress", "rtl", "sim", "flows", "codesign", "benchmarks")
    for path in (ROOT / name).rglob("*.py")
]
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@given(text=st.text(st.characters(exclude_characters="\r\0\ufeff", exclude_categories=["Cs"])))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("text") / "file"
    write_text(path, text)
    assert path.read_bytes() == text.encode("utf-8")
    assert read_text(path) == text


@pytest.mark.parametrize(
    "content",
    [
        b"Bilder/\xc3\x9cbung\nb\n",
        b"\xef\xbb\xbfBilder/\xc3\x9cbung\nb\n",
        b"Bilder/\xc3\x9cbung\r\nb\r\n",
        b"Bilder/\xc3\x9cbung\rb\r",
    ],
    ids=["plain", "BOM", "CRLF", "CR"],
)
def test_marks_and_line_ends_of_other_systems_are_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert read_text(tmp_path / "file") == "Bilder/Übung\nb\n"


@pytest.mark.parametrize("content", ["ab\n".encode("utf-16"), b"\xdcbung", b"a\0b"], ids=["UTF-16", "latin-1", "NUL"])
def test_what_is_no_utf8_text_is_told_with_the_files_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "notes.txt").write_bytes(content)
    with pytest.raises(CodesignError, match=r"notes\.txt is not UTF-8 text") as error:
        read_text(tmp_path / "notes.txt")
    assert error.value.next_step == "save it as UTF-8"


@pytest.mark.parametrize("name", ["missing", "."])
def test_what_cannot_be_read_is_told_with_the_callers_next_step(tmp_path: Path, name: str) -> None:
    with pytest.raises(CodesignError, match="cannot read") as error:
        read_text(tmp_path / name, "make one")
    assert error.value.next_step == "make one"


def test_a_file_name_that_is_no_text_is_written_as_an_escape(tmp_path: Path) -> None:
    write_text(tmp_path / "file", os.fsdecode(b"a\xff"))
    assert (tmp_path / "file").read_text() == r"a\udcff"


def test_an_ascii_locale_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("Übung ×", encoding="utf-8")
    code = (
        "import sys, pathlib, compress.base.files as f; p = pathlib.Path(sys.argv[1]); f.write_text(p, f.read_text(p))"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "file")], env={**os.environ, **ASCII}, cwd=ROOT, check=True
    )
    assert (tmp_path / "file").read_text(encoding="utf-8") == "Übung ×"


def _text_mode_children(source: str) -> Iterator[int]:
    """Lines that start a process in text mode, with the locale's encoding; ruff's PLW1514 knows only files."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            given = {keyword.arg for keyword in node.keywords}
            if given & {"text", "universal_newlines"} and "encoding" not in given:
                yield node.lineno


def test_the_search_for_text_mode_children_finds_one() -> None:
    assert list(_text_mode_children("import subprocess\nsubprocess.run(['a'], text=True)\n")) == [2]
    assert not list(_text_mode_children("subprocess.run(['a'], text=True, encoding='utf-8')\n"))


def test_no_child_is_read_in_the_locales_encoding() -> None:
    found = {path: list(_text_mode_children(path.read_text(encoding="utf-8"))) for path in SOURCES}
    assert not {path: lines for path, lines in found.items() if lines}
