"""The task of a run: classification, or a loss and a metric of the user's own by their names."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from compress.base.sources import source_digest
from compress.base.user_functions import UserFunction, is_function_name, searched_first
from compress.data.task import ACCURACY, CLASSIFICATION, Metric, Task, classification

if TYPE_CHECKING:  # stages know the task, and not all that a run file may say
    from codesign.settings.run_config import RunConfig

__all__ = ["TaskSource", "function_digest"]


@dataclass(frozen=True)
class TaskSource:
    """Which task a run is for; all empty for classification.

    Members
    -------
    step : str
        Name of the function.
    evaluate : str
        Name of the function, "accuracy", or empty for the loss.
    metric : Metric
    sources : tuple of str
        Digests of the functions' modules and of what these import.
    folder : Path, optional
        Where the modules are searched first. The same source in another place is the same task.
    """

    step: str = ""
    evaluate: str = ""
    metric: Metric = ACCURACY
    sources: tuple[str, ...] = ()
    folder: Path | None = field(default=None, compare=False)

    @classmethod
    def of_run(cls, config: RunConfig) -> Self:
        """The run's task as its source is now."""
        given = config.task
        if given is None:
            return cls()
        folder = None if given.folder is None else Path(given.folder)
        evaluate = given.metric or ""
        functions = [name for name in (given.step, evaluate) if is_function_name(name)]
        return cls(
            step=given.step,
            evaluate=evaluate,
            metric=ACCURACY if evaluate == ACCURACY.name else Metric(given.name, given.unit, given.better == "higher"),
            sources=tuple(function_digest(name, folder) for name in functions),
            folder=folder,
        )

    @property
    def keeps_accuracy(self) -> bool:
        """Whether the targets are classes, by whatever loss they are learned."""
        return not self.step or self.evaluate == ACCURACY.name

    def task(self) -> Task:
        """The task itself; a CodesignError if a function is not found."""
        if not self.step:
            return CLASSIFICATION
        step = self._function("step", self.step)
        if self.evaluate == ACCURACY.name:
            return classification(self.step, step)
        evaluate = self._function("metric", self.evaluate) if self.evaluate else None
        return Task(name=self.step, step=step, evaluate=evaluate, metric=self.metric)

    def _function(self, role: str, name: str) -> UserFunction:
        function = UserFunction(role, name, self.folder)
        with searched_first(self.folder):
            function.found()
        return function


def function_digest(name: str, folder: Path | None) -> str:
    """Digest of a function's module and of what it imports; empty where it is not found, which calling it tells."""
    try:
        with searched_first(folder):
            return source_digest(name.partition(":")[0])
    except (ImportError, SyntaxError, ValueError):
        return ""
