"""What the benchmarks' command lines have in common."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import typer
from joblib import Parallel

from benchmarks.commits import commit_of_source
from codesign.errors import MismatchError
from codesign.versions import version_of
from compress.base.errors import CodesignError

__all__ = ["facts_of_run", "run_command", "run_jobs"]


def run_command(main: Callable[..., None]) -> None:
    """Call a benchmark's ``main`` with the options of the command line; an error ends it with two lines or one."""
    try:
        typer.run(main)
    except CodesignError as error:
        raise SystemExit(f"error: {error.cause}\nnext: {error.next_step}") from None
    except MismatchError as error:
        raise SystemExit(f"error: {error}") from None


def run_jobs(work: Sequence[tuple[str, Any]], processes: int) -> list[Any]:
    """Results of labelled ``joblib.delayed`` calls, in order; a line to stderr for each that is done."""
    start, results = time.perf_counter(), []
    finished: Iterable[Any] = Parallel(n_jobs=processes, return_as="generator", batch_size=1)(job for _, job in work)
    for number, ((label, _), result) in enumerate(zip(work, finished, strict=True), start=1):
        results.append(result)
        typer.echo(f"[{number}/{len(work)}] {label}: {time.perf_counter() - start:.0f} s", err=True)
    return results


def facts_of_run(command: str, start: float, processes: int, quick: bool) -> dict[str, Any]:
    """How a benchmark's result was made: the first members of its JSON file; ``start`` in ``time.perf_counter``."""
    return {
        "command": command,
        "commit": commit_of_source(),
        "seconds_of_this_run": time.perf_counter() - start,
        "machine": {"processor": platform.machine(), "jobs": processes, "threads": 1},
        "versions": {name: version_of(name) for name in ("codesign", "torch", "numpy")},
        "quick": quick,
    }
