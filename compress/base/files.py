"""Write a file whole or not at all; where results are kept for all runs."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compress.base.errors import CodesignError

__all__ = ["cache_folder", "replacing"]


def cache_folder(kind: str) -> Path:
    """``$CODESIGN_CACHE/<kind>``, by default below ``~/.cache/codesign``."""
    given = os.environ.get("CODESIGN_CACHE")
    return (Path(given) if given else Path.home() / ".cache" / "codesign") / kind


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name in the folder of ``path``, and rename it to ``path`` when the block succeeds.

    A reader sees the old file or the new one, never a part. When the block fails, also by Ctrl-C, the temporary
    file is removed and ``path`` is as it was. The folder is made if it is missing.

    Raises
    ------
    CodesignError
        The folder or the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL, 0o666))  # mkstemp would keep others from reading it
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise CodesignError(f"cannot write {path}: {error}", "choose a folder you may write to, with room") from error
