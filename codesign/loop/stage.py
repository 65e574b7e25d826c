"""A stage of a run: skipped when its files are there and were made from the same inputs, settings and source."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from codesign.loop.inputs import Inputs, Work
from codesign.loop.results import Result
from codesign.loop.workspace import Workspace
from codesign.settings.run_config import RunConfig
from compress.base.digests import as_json, digest_of, digest_of_file
from compress.base.errors import CodesignError
from compress.base.files import ensure_writable
from compress.base.sources import source_digest

__all__ = ["Stage", "run_stages"]

Settings = TypeVar("Settings")


@dataclass(frozen=True)
class Stage(Generic[Settings]):
    """One step of the loop.

    Members
    -------
    name : str
    title : str
        What the user reads while it runs.
    run : callable
        Does the work. What its module imports is the source that decides the result: other source, other result.
    settings : callable
        What ``run`` takes of the run's settings; the result depends on all of it.
    result : type
        Of what ``run`` returns; it knows its file and the command that makes it.
    files : tuple of str
        What ``run`` writes besides, relative to the output folder.
    inputs : tuple of str
        Files of the stages before that it reads.
    after : tuple of Stage
        The stages that write ``inputs``.
    check : callable
        Raises a CodesignError where the run's settings cannot work, before ``run`` spends any time.
    """

    name: str
    title: str
    run: Callable[[Inputs, Settings, Work], Result]
    settings: Callable[[RunConfig], Settings]
    result: type[Result]
    files: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    after: tuple[Stage[Any], ...] = ()
    check: Callable[[RunConfig], None] = lambda _: None

    @property
    def outputs(self) -> tuple[str, ...]:
        """Everything it writes."""
        return (*self.files, self.result.FILE)

    def key(self, workspace: Workspace) -> str:
        """Digest of everything the result depends on; CodesignError if an input is missing."""
        return self._key(workspace, self.settings(workspace.config))

    def _key(self, workspace: Workspace, settings: Settings) -> str:
        missing = [name for name in self.inputs if not workspace.path(name).is_file()]
        if missing:
            raise CodesignError(
                f"{workspace.path(missing[0])} is missing, which `{self.result.COMMAND}` reads",
                f"run {self._maker_of(missing[0])} with the same --out first, or `codesign run`, which does everything",
            )
        inputs = {name: digest_of_file(workspace.path(name)) for name in self.inputs}
        return digest_of([self.name, source_digest(self.run.__module__), as_json(settings), inputs])

    def _maker_of(self, name: str) -> str:
        return next((f"`{stage.result.COMMAND}`" for stage in self.after if name in stage.outputs), "the stage before")

    def seconds(self, workspace: Workspace) -> float | None:
        """Wall time of the run that made the outputs, None where they are not today's."""
        record = self._record(workspace, self.key(workspace))
        return None if record is None else float(record["seconds"])

    def complete(self, workspace: Workspace, label: str) -> None:
        """Run unless it is finished; ``label`` is what the user reads."""
        settings = self.settings(workspace.config)
        key = self._key(workspace, settings)
        if self._record(workspace, key) is not None:
            workspace.console.say(f"{label}: finished before")
            return
        with workspace.console.stage(label):
            self.check(workspace.config)
            self._execute(workspace, settings, key)

    def _record(self, workspace: Workspace, key: str) -> dict[str, Any] | None:
        """What was noted when the outputs were made, if they are still as they were."""
        record = workspace.results.get(self._record_key(key))
        try:
            outputs = {name: digest_of_file(workspace.path(name)) for name in self.outputs}
        except OSError:
            return None
        return record if isinstance(record, dict) and record.get("outputs") == outputs else None

    def _record_key(self, key: str) -> Any:
        return {"stage": self.name, "key": key}

    def _execute(self, workspace: Workspace, settings: Settings, key: str) -> None:
        """Run, then record; an interrupted stage has no record and resumes from its checkpoints next time."""
        start = time.monotonic()
        scratch = workspace.path(f".checkpoints/{self.name}-{key[:16]}")
        work = Work(workspace.folder, scratch, workspace.results, workspace.console.progress)
        result = self.run(Inputs(workspace.folder, self.inputs), settings, work)
        result.write(workspace.folder)
        result.check()
        outputs = {name: digest_of_file(workspace.path(name)) for name in self.outputs}
        seconds = round(time.monotonic() - start, 2)
        workspace.results.put(self._record_key(key), {"outputs": outputs, "seconds": seconds})
        shutil.rmtree(scratch, ignore_errors=True)


def run_stages(stages: Sequence[Stage[Any]], workspace: Workspace, fresh: bool = False) -> None:
    """Run stages in order; those that are finished are only named. ``fresh`` runs all, from their start.

    CodesignError before the first one where the folder cannot be written.
    """
    ensure_writable(workspace.folder)
    if fresh:
        for leftover in (workspace.path(".checkpoints"), workspace.results.folder):
            shutil.rmtree(leftover, ignore_errors=True)
    for number, stage in enumerate(stages, 1):
        stage.complete(workspace, f"[{number}/{len(stages)}] {stage.title}")
    with suppress(OSError):  # other stages' checkpoints may still be in it
        workspace.path(".checkpoints").rmdir()
