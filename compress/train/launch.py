"""Run a function in several processes of this machine that train together."""

from __future__ import annotations

import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, TypeVar

import torch
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from compress.base.errors import CodesignError
from compress.base.progress import Progress, Update
from compress.train.distributed import process_group, rank

__all__ = ["together"]

Result = TypeVar("Result")


def together(
    processes: int, function: Callable[..., Result], *arguments: Any, progress: Progress | None = None
) -> Result:
    """``function(*arguments, progress)`` of process 0, all processes running it as members of one group.

    Every training in it is shared (``compress.train.distributed``): weights, masks and levels are those of one process
    up to rounding, and bit for bit equal in all processes. One process runs it here.

    Parameters
    ----------
    processes : int
        On this machine, each with its own interpreter; faster only where each has a core to itself.
    function : callable
        At the top level of a module, since its name is sent; so are arguments and result, pickled. What it changes in
        an argument stays in its process: return what you need.
    progress : Progress, optional
        Called here with the updates of process 0.

    Raises
    ------
    CodesignError
        What the function raises, or a process that died.
    """
    if processes == 1:
        return function(*arguments, progress)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        start_method="spawn",
    )
    with _relay(progress) as updates:
        try:
            results = elastic_launch(config, _member)(function, arguments, updates, torch.get_num_threads())
        except ChildFailedError as error:
            raise CodesignError(
                f"one of {processes} processes died: {error}", "try again with `processes = 1`, which shows the error"
            ) from error
        except SignalException as error:
            if error.sigval == signal.SIGINT:
                raise KeyboardInterrupt from None
            raise
    outcome = pickle.loads(results[0])
    if isinstance(outcome, CodesignError):
        raise outcome
    return outcome  # type: ignore[no-any-return]


def _member(function: Callable[..., Any], arguments: tuple[Any, ...], updates: Any, threads: int) -> bytes:
    """One process's share; plain bytes, so that no tensor's memory belongs to a process that is gone."""
    torch.set_num_threads(threads)
    with process_group():
        first = rank() == 0
        try:
            outcome = function(*arguments, updates.put if first and updates is not None else None)
        except CodesignError as error:  # the same in all processes: they do the same
            outcome = error
    return pickle.dumps(outcome if first else None)


@contextmanager
def _relay(progress: Progress | None) -> Iterator[Any]:
    """A queue whose updates are passed on to ``progress`` in this process; None for None."""
    if progress is None:
        yield None
        return
    updates: Any = get_context("spawn").SimpleQueue()

    def pass_on() -> None:
        while isinstance(update := updates.get(), Update):
            progress(update)

    reader = threading.Thread(target=pass_on, daemon=True)
    reader.start()
    try:
        yield updates
    finally:
        updates.put(None)
        reader.join()
