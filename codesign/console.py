"""The console display of a run: one line per stage, and a bar with the latest figures during long stages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from compress.base.progress import Update

__all__ = ["RunConsole", "in_words"]

SECONDS_BETWEEN_LINES = 10.0


class RunConsole:
    """Prints to stderr, so that stdout is free for results.

    ``progress`` is what long functions of the other packages call. On a terminal it moves a bar and the line of
    figures under it. Elsewhere it writes a plain line, at most one in ten seconds and one when something is finished.
    """

    def __init__(
        self, quiet: bool = False, console: Console | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console or Console(stderr=True, quiet=quiet, highlight=False)
        self._clock = clock
        self._bars: _Bars | None = None
        self._tasks: dict[str, TaskID] = {}
        self._last_line = clock()

    def say(self, text: str) -> None:
        """One line."""
        self._console.print(text, markup=False)

    @contextmanager
    def stage(self, label: str) -> Iterator[None]:
        """Bars belong to the stage and vanish with it; a line with its time stays."""
        start = self._last_line = self._clock()
        if not self._console.is_terminal:
            self.say(f"{label} ...")
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with _Bars(
            *columns, console=self._console, transient=True, disable=not self._console.is_terminal
        ) as self._bars:
            self._tasks = {"": self._bars.add_task(label, total=None)}
            try:
                yield
            finally:
                bars, self._bars, self._tasks = self._bars, None, {}
                bars.figures = ""
                for task in bars.task_ids:
                    bars.remove_task(task)
        self.say(f"{label}: done in {self._clock() - start:.1f} s")

    def progress(self, update: Update) -> None:
        """Show how far something is, and its latest figures; outside of a stage nothing is shown."""
        if self._bars is None:
            return
        if self._console.is_terminal:
            self._move_bar(self._bars, update)
        elif update.done >= update.of or self._clock() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = self._clock()
            figures = f": {in_words(update.figures)}" if update.figures else ""
            self._console.print(f"  {update.stage} {update.done}/{update.of}{figures}", markup=False, soft_wrap=True)

    def _move_bar(self, bars: _Bars, update: Update) -> None:
        """The latest task has the bar; its figures stay when it is finished, until there are others."""
        if update.stage not in self._tasks:
            self._tasks[update.stage] = bars.add_task(f"  {update.stage}", total=update.of)
        if update.figures:
            bars.figures = in_words(update.figures)
        bars.update(self._tasks[update.stage], completed=update.done, total=update.of)
        if update.done >= update.of:
            bars.remove_task(self._tasks.pop(update.stage))


def in_words(figures: Mapping[str, float]) -> str:
    """Figures on one line, to four digits.

    >>> in_words({"loss": 0.123456, "rho": 0.01})
    'loss 0.1235, rho 0.01'
    """
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())


class _Bars(Progress):
    """Rich's bars, and under them a line of figures."""

    figures = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        if self.figures:
            yield Padding(Text(self.figures, style="dim"), (0, 0, 0, 4))
