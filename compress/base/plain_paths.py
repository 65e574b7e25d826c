"""Paths for make, Verilator and ABC, which do not read ``$``, spaces and quotes in a path as they are."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from functools import cache
from pathlib import Path

from compress.base.errors import CodesignError

__all__ = ["plain_folder", "plain_path"]


def plain_folder() -> str:
    """A folder for temporary files whose path every tool reads as it is: TMPDIR, else one of the system's."""
    given = tempfile.gettempdir()
    for place in (given, "/tmp", "/var/tmp"):
        if _is_plain(place) and os.access(place, os.W_OK):
            return place
    raise CodesignError(
        f"make and Verilator cannot work in a folder called {given!r}",
        "set TMPDIR to a folder with only letters, digits and . _ - in its path",
    )


@cache
def plain_path(path: Path) -> Path:
    """The folder ``path`` itself, or a copy of it under a plain path, which lasts as long as this process.

    Not a link: Verilator follows those.
    """
    if _is_plain(str(path)):
        return path
    folder = tempfile.mkdtemp(prefix="codesign-tool-", dir=plain_folder())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(shutil.copytree(path, Path(folder) / "copy"))


def _is_plain(path: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9/+,.:=@_-]+", path) is not None
