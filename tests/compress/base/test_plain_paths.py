from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from compress.base.errors import CodesignError
from compress.base.plain_paths import plain_folder, plain_path

ODD_NAMES = ["my project", "$HOME", "a'b", 'a"b', "Übung", "a#b", "a;b", "a(b)", "a&b", "a%b", "a\\b"]


def test_a_plain_path_stays_as_it_is(tmp_path: Path) -> None:
    assert plain_path(tmp_path) == tmp_path


@pytest.mark.parametrize("name", ODD_NAMES)
def test_another_is_a_copy_under_a_plain_one(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "file").write_text("text")
    plain = plain_path(tmp_path / name)
    assert (plain / "file").read_text() == "text"
    assert plain == plain_path(plain) == plain_path(tmp_path / name)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_temporary_files_are_elsewhere_where_their_folder_is_not_plain(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / name))
    assert plain_folder() in ("/tmp", "/var/tmp")


def test_where_there_is_no_plain_folder_the_setting_to_change_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(CodesignError, match="cannot work in a folder") as error:
        plain_folder()
    assert "TMPDIR" in error.value.next_step
