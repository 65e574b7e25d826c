"""A stage of a run: skipped when its files are there and were made from the same inputs."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from codesign.loop.workspace import Workspace, digest_of, digest_of_file
from compress.base.errors import CodesignError
from compress.base.files import ensure_writable, read_text

__all__ = ["Stage", "run_stages"]

_ROOT = Path(__file__).parents[2]

RECORDS = ".stages"


@dataclass(frozen=True)
class Stage:
    """One step of the loop.

    Members
    -------
    name : str
        Also the name of its record in ``.stages``.
    title : str
        What the user reads while it runs.
    command : str
        The command that runs it, told to who misses its files.
    settings : callable
        The JSON-safe part of the run's settings that its result depends on.
    inputs, outputs : tuple of str
        Files it reads and writes, relative to the output folder.
    packages : tuple of str
        Packages whose source decides its result: other source, other result.
    run : callable
        Does the work on a workspace.
    after : tuple of Stage
        The stages that write ``inputs``.
    """

    name: str
    title: str
    command: str
    settings: Callable[[Workspace], Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    packages: tuple[str, ...]
    run: Callable[[Workspace], None]
    after: tuple[Stage, ...] = ()

    def key(self, workspace: Workspace) -> str:
        """Digest of everything the result depends on; CodesignError if an input is missing."""
        missing = [name for name in self.inputs if not workspace.path(name).is_file()]
        if missing:
            raise CodesignError(
                f"{workspace.path(missing[0])} is missing, which {self.command} reads",
                f"run {self._maker_of(missing[0])} with the same --out first, or `codesign run`, which does everything",
            )
        inputs = {name: digest_of_file(workspace.path(name)) for name in self.inputs}
        code = {package: _source_digest(package) for package in (*self.packages, "codesign.loop.stages")}
        return digest_of([self.name, self.settings(workspace), inputs, code])

    def _maker_of(self, name: str) -> str:
        return next((f"`{stage.command}`" for stage in self.after if name in stage.outputs), "the stage before")

    def finished(self, workspace: Workspace, key: str) -> bool:
        """Whether the outputs are there, as this stage wrote them from the same inputs."""
        try:
            record = json.loads(read_text(self._record(workspace)))
            outputs = {name: digest_of_file(workspace.path(name)) for name in self.outputs}
        except (OSError, ValueError, CodesignError):
            return False
        return bool(record == {**record, "key": key, "outputs": outputs})

    def execute(self, workspace: Workspace, key: str) -> None:
        """Run, then record; an interrupted stage has no record and goes on from its checkpoints next time."""
        start = time.monotonic()
        self._record(workspace).unlink(missing_ok=True)
        workspace.scratch = workspace.path(f".checkpoints/{self.name}-{key[:16]}")
        self.run(workspace)
        outputs = {name: digest_of_file(workspace.path(name)) for name in self.outputs}
        seconds = round(time.monotonic() - start, 2)
        workspace.write_json(f"{RECORDS}/{self.name}.json", {"key": key, "outputs": outputs, "seconds": seconds})
        shutil.rmtree(workspace.scratch, ignore_errors=True)

    def _record(self, workspace: Workspace) -> Path:
        return workspace.path(f"{RECORDS}/{self.name}.json")


def run_stages(stages: Sequence[Stage], workspace: Workspace, fresh: bool = False) -> None:
    """Run stages in order; those that are finished are only named. ``fresh`` runs all, from their start.

    CodesignError before the first one where the folder cannot be written.
    """
    ensure_writable(workspace.folder)
    if fresh:
        for leftover in (".checkpoints", RECORDS):
            shutil.rmtree(workspace.path(leftover), ignore_errors=True)
    for number, stage in enumerate(stages, 1):
        label = f"[{number}/{len(stages)}] {stage.title}"
        key = stage.key(workspace)
        if stage.finished(workspace, key):
            workspace.console.say(f"{label}: finished before")
            continue
        with workspace.console.stage(label):
            stage.execute(workspace, key)
    with suppress(OSError):  # other stages' checkpoints may still be in it
        workspace.path(".checkpoints").rmdir()


@lru_cache
def _source_digest(package: str) -> str:
    """Of a package's modules and its packages' modules, or of one module."""
    return digest_of([[str(path.relative_to(_ROOT)), read_text(path)] for path in _sources(package)])


def _sources(package: str) -> list[Path]:
    place = _ROOT.joinpath(*package.split("."))
    return sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
