"""The output folder of a run, its settings, and where its progress is shown."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from codesign.console import RunConsole
from codesign.loop.results import Result
from codesign.settings.run_config import RunConfig
from compress.base.errors import CodesignError
from compress.base.store import Store

__all__ = ["Workspace"]

AnyResult = TypeVar("AnyResult", bound=Result)


class Workspace:
    """A run's settings, the folder its files are in, and where its progress is shown.

    ``results`` keeps what stages and parts of stages have finished.
    """

    def __init__(self, config: RunConfig, folder: Path, console: RunConsole | None = None) -> None:
        self.config = config
        self.folder = folder
        self.console = console or RunConsole(quiet=True)
        self.results = Store(folder / ".stages")
        if folder.exists() and not folder.is_dir():
            raise CodesignError(f"{folder} is a file, not a folder", "choose another folder with --out")

    def path(self, name: str) -> Path:
        """A file of the run."""
        return self.folder / name

    def result(self, kind: type[AnyResult]) -> AnyResult:
        """A finished stage's result; a CodesignError that names the command where it is not there."""
        return kind.read(self.folder)
