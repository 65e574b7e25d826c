"""Files written whole or not at all, text always in UTF-8; where results are kept for all runs."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compress.base.errors import CodesignError

__all__ = ["cache_folder", "ensure_writable", "read_text", "replacing", "write_bytes", "write_text"]

WRITE_ELSEWHERE = "choose a writable folder with free space"


def cache_folder(kind: str) -> Path:
    """``$CODESIGN_CACHE/<kind>``, by default below ``~/.cache/codesign``; CodesignError without a home folder."""
    given = os.environ.get("CODESIGN_CACHE")
    try:
        return (Path(given) if given else Path.home() / ".cache" / "codesign") / kind
    except RuntimeError as error:
        raise CodesignError("the user has no home folder for results", "set CODESIGN_CACHE to a folder") from error


def read_text(path: Path, next_step: str = "check the path and its permissions") -> str:
    r"""The text of a UTF-8 file, whatever the locale: with or without a byte order mark, its line ends as ``\n``.

    Raises
    ------
    CodesignError
        The file cannot be read (told with ``next_step``), or is not UTF-8 text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CodesignError(f"cannot read {path}: {error.strerror or error}", next_step) from error
    except UnicodeDecodeError as error:
        raise CodesignError(f"{path} is not UTF-8 text: {error}", "save it as UTF-8") from error
    if "\0" in text:
        raise CodesignError(f"{path} is not UTF-8 text: it holds a NUL character", "save it as UTF-8")
    return text


def write_text(path: Path, text: str) -> None:
    r"""Write UTF-8 with ``\n`` line ends on every system, whole or not at all.

    A character that UTF-8 has no code for, as in a file name that could not be decoded, is written as ``\udcXX``.
    """
    write_bytes(path, text.encode("utf-8", errors="backslashreplace"))


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a file whole or not at all; CodesignError if that fails."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name in the folder of ``path``, and rename it to ``path`` when the block succeeds.

    A reader sees the old file or the new one, never a part. When the block fails, also by Ctrl-C, the temporary
    file is removed and ``path`` is as it was. The folder is made if it is missing. The file gets the mode that the
    umask leaves, whoever wrote it: safetensors and mkstemp keep others from reading theirs.

    Raises
    ------
    CodesignError
        The folder or the file cannot be written.
    """
    if not path.name:
        raise CodesignError(f"{path} is a folder, not a file", "name a file in it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{secrets.token_hex(8)}.part")  # the longest name that ``path`` may have fits
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL, 0o666))
        mode = temporary.stat().st_mode & 0o777
        try:
            yield temporary
            temporary.chmod(mode)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise CodesignError(f"cannot write {path}: {error.strerror or error}", WRITE_ELSEWHERE) from error


def ensure_writable(folder: Path) -> None:
    """Make ``folder`` if it is missing, and try a file in it: CodesignError now rather than after hours of work."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0")
    except OSError as error:
        raise CodesignError(f"cannot write to {folder}: {error.strerror or error}", WRITE_ELSEWHERE) from error
