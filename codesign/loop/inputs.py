"""What a stage is given: the files it said it reads, and places for what it makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from codesign.loop.results import Result
from compress.base.progress import Progress, Update
from compress.base.store import Store

__all__ = ["Inputs", "Work"]

AnyResult = TypeVar("AnyResult", bound=Result)


@dataclass(frozen=True)
class Inputs:
    """The files of earlier stages that a stage may read: ``names``, whose content is in its key, and no others."""

    folder: Path
    names: tuple[str, ...]

    def path(self, name: str) -> Path:
        """A file by its name, or a folder that all its files are in."""
        if not any(known == name or known.startswith(f"{name}/") for known in self.names):
            raise LookupError(f"the stage reads {name} and does not say so")
        return self.folder / name

    def result(self, kind: type[AnyResult]) -> AnyResult:
        """An earlier stage's result."""
        return kind.read(self.path(kind.FILE).parent)


def _unwatched(_: Update) -> None:
    """Progress that is not shown."""


@dataclass(frozen=True)
class Work:
    """Where a stage works.

    Members
    -------
    folder : Path
        For the files it makes.
    scratch : Path
        For checkpoints of this very result; it vanishes when the stage is done.
    parts : Store
        For parts that are results of their own, kept for the next attempt and for other settings.
    progress : callable
    """

    folder: Path
    scratch: Path
    parts: Store
    progress: Progress = field(default=_unwatched)
