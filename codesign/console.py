"""What a person sees while a run goes on: one line a stage, and a bar where a stage is long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

__all__ = ["RunConsole"]


class RunConsole:
    """Prints to stderr, so that stdout is free for results.

    ``progress`` is what long functions of the other packages call. Without a terminal there is no bar, only the
    lines.
    """

    def __init__(self, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False)
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def say(self, text: str) -> None:
        """One line."""
        self._console.print(text, markup=False)

    @contextmanager
    def stage(self, label: str) -> Iterator[None]:
        """Bars belong to the stage and vanish with it; a line with its time stays."""
        start = time.monotonic()
        if not self._console.is_terminal:
            self.say(f"{label} ...")
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(
            *columns, console=self._console, transient=True, disable=not self._console.is_terminal
        ) as self._bars:
            self._tasks = {"": self._bars.add_task(label, total=None)}
            try:
                yield
            finally:
                bars, self._bars, self._tasks = self._bars, None, {}
                for task in bars.task_ids:
                    bars.remove_task(task)
        self.say(f"{label}: done in {time.monotonic() - start:.1f} s")

    def progress(self, description: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` steps of something are done; the latest description has the bar."""
        if self._bars is None:
            return
        if description not in self._tasks:
            self._tasks[description] = self._bars.add_task(f"  {description}", total=total)
        self._bars.update(self._tasks[description], completed=done, total=total)
        if done >= total:
            self._bars.remove_task(self._tasks.pop(description))
