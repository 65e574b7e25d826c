"""The output folder of a run: files written whole, read with clear errors, and known by their content."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from codesign.console import RunConsole
from codesign.loop.settings import RunConfig
from compress.base.errors import CodesignError
from compress.base.files import read_text, write_text

__all__ = ["Workspace", "digest_of", "digest_of_file"]


class Workspace:
    """A run's settings, the folder its files are in, and where its progress is shown.

    ``scratch`` is a folder for checkpoints; the stage that is running has its own and loses it when it is done.
    """

    def __init__(self, config: RunConfig, folder: Path, console: RunConsole | None = None) -> None:
        self.config = config
        self.folder = folder
        self.console = console or RunConsole(quiet=True)
        self.scratch = folder / ".checkpoints"
        if folder.exists() and not folder.is_dir():
            raise CodesignError(f"{folder} is a file, not a folder", "choose another folder with --out")

    def path(self, name: str) -> Path:
        """A file of the run."""
        return self.folder / name

    def write_json(self, name: str, value: Any) -> Path:
        """Write a JSON file, whole or not at all."""
        path = self.path(name)
        write_text(path, json.dumps(value, indent=2) + "\n")
        return path

    def read_json(self, name: str, made_by: str) -> Any:
        """Read a JSON file; ``made_by`` is the command told to the user when it is not there."""
        return read_json(self.path(name), made_by)


def read_json(path: Path, made_by: str) -> Any:
    """Read a JSON file that ``made_by`` writes."""
    text = read_text(path, f"run `{made_by}` first")
    try:
        return json.loads(text)
    except ValueError as error:
        raise CodesignError(f"{path} is damaged: {error}", f"remove it and run `{made_by}` again") from error


def digest_of(value: Any) -> str:
    """SHA-256 of a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
