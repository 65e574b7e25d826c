"""Results kept under what made them: stages, benchmarks, synthesized modules, compiled simulations.

A key is any JSON value that names everything the result depends on, usually with
``compress.base.sources.source_digest`` of the module that makes it. Several processes may use one store at a time.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from compress.base.digests import digest_of, digest_of_file
from compress.base.errors import CodesignError
from compress.base.files import cache_folder, replacing

__all__ = ["Store"]

_MANIFEST = ".manifest.json"


class Store:
    """Results in a folder: a JSON file or a folder of files for each key.

    An entry that is damaged counts as absent, so it is made again. Entries are written whole or not at all; where two
    processes make the same one, either's stays.

    Parameters
    ----------
    folder : Path
        Made when the first result is kept.
    required : bool
        Whether a JSON result that cannot be written is an error; else it is only made again next time.
    """

    def __init__(self, folder: Path, required: bool = True) -> None:
        self.folder = folder
        self._required = required

    @classmethod
    def shared(cls, kind: str) -> Store:
        """The store of all runs for one kind of result, in ``CODESIGN_CACHE``."""
        return cls(cache_folder(kind), required=False)

    def path(self, key: Any) -> Path:
        """Where the JSON result of ``key`` is, if it is there."""
        return self.folder / f"{digest_of(key)}.json"

    def get(self, key: Any) -> Any:
        """The JSON value kept under an equal key, or None."""
        try:
            entry = json.loads(self.path(key).read_text(encoding="utf-8"))
            return entry["value"] if entry["checksum"] == digest_of(entry["value"]) else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def put(self, key: Any, value: Any) -> Any:
        """Keep a JSON value, and return it as a later ``get`` will."""
        text = json.dumps({"value": value, "checksum": digest_of(value)})
        try:
            with replacing(self.path(key)) as partial:
                partial.write_text(text, encoding="utf-8")
        except CodesignError:
            if self._required:
                raise
        return json.loads(text)["value"]

    def files(self, key: Any, make: Callable[[Path], None]) -> Path:
        """The folder kept under ``key``; ``make`` fills a new one where there is none or a file of it has changed.

        Raises
        ------
        CodesignError
            The store cannot be written, or ``make`` cannot read or write a file.
        """
        folder = self.folder / digest_of(key)[:32]
        if _is_whole(folder):
            return folder
        partial = self.folder / f".{folder.name}.{secrets.token_hex(4)}.part"
        try:
            partial.mkdir(parents=True)
            _make(make, partial)
            _write_manifest(partial)
            _move(partial, folder)
        except OSError as error:
            raise CodesignError(
                f"cannot write {folder}: {error}", "set CODESIGN_CACHE to a writable folder with free space"
            ) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return folder


def _make(make: Callable[[Path], None], folder: Path) -> None:
    """Fill the folder; what stops that may as well be a temporary file as one of the store."""
    try:
        make(folder)
    except OSError as error:
        raise CodesignError(
            f"cannot make the files for {folder.parent}: {error}",
            f"see that there is room there and in {gettempdir()}; TMPDIR and CODESIGN_CACHE name other folders",
        ) from error


def _is_whole(folder: Path) -> bool:
    """Whether every file is there as it was made; what a tool has added since does not matter."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        return all(digest_of_file(folder / name) == digest for name, digest in manifest.items())
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return False


def _write_manifest(folder: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    manifest = {path.relative_to(folder).as_posix(): digest_of_file(path) for path in files}
    (folder / _MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def _move(made: Path, folder: Path) -> None:
    """Rename, unless another process was faster; a damaged entry in the way is removed."""
    while not _is_whole(folder):
        with suppress(FileNotFoundError):
            damaged = made.with_name(f"{made.name}.damaged")
            folder.rename(damaged)
            shutil.rmtree(damaged, ignore_errors=True)
        try:
            made.rename(folder)
        except OSError:
            if not os.path.lexists(folder):
                raise
