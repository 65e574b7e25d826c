from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from compress.base.errors import CodesignError
from compress.base.files import ensure_writable, replacing, write_bytes


def test_the_file_appears_when_the_block_succeeds(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    with replacing(path) as temporary:
        temporary.write_text("text")
        assert not path.exists()
    assert path.read_text() == "text"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_keeps_the_old_file_and_leaves_nothing_behind(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write_half() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("path", [".", "/"])
def test_a_path_without_a_name_is_told(path: str) -> None:
    with pytest.raises(CodesignError, match="is a folder, not a file"):
        write_bytes(Path(path), b"x")


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CodesignError, match="cannot write"), replacing(tmp_path / "file" / "below"):
        pass


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_file_has_the_mode_that_the_umask_leaves_whatever_the_writer_does(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with replacing(tmp_path / "file") as temporary:
            temporary.unlink()
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL, 0o600))
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o666 & ~umask


def test_the_longest_name_that_a_file_may_have_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * os.pathconf(tmp_path, "PC_NAME_MAX"))
    write_bytes(path, b"text")
    assert path.read_bytes() == b"text"


@contextmanager
def _room_for(size: int) -> Iterator[None]:
    """Files may not grow beyond ``size`` bytes: what a full disk does, an OSError while writing."""
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_keeps_the_old_file_and_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")
    with pytest.raises(CodesignError, match=r"cannot write .*file: File too large"), _room_for(4096):
        write_bytes(path, bytes(100_000))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_can_be_written_is_made_and_left_empty(tmp_path: Path) -> None:
    ensure_writable(tmp_path / "new" / "folder")
    assert not list((tmp_path / "new" / "folder").iterdir())


@pytest.mark.parametrize("folder", ["file", "file/below", "/proc/self/fdinfo/new"])
def test_a_folder_that_cannot_be_written_is_told_by_name(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CodesignError, match=f"cannot write to .*{folder}"):
        ensure_writable(tmp_path / folder)


def test_a_disk_without_room_for_a_byte_is_told(tmp_path: Path) -> None:
    with pytest.raises(CodesignError, match="cannot write to"), _room_for(0):
        ensure_writable(tmp_path)
