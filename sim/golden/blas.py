"""Matrix products of the golden model: small ones, each on one core, several at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

__all__ = ["for_all", "one_thread_each"]


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Products within take one thread: dividing one that fits a core's cache costs more than it saves.

    Two threads made the golden ResNet-20 2.6 times as slow on two busy cores.
    """
    with _controller().limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> ThreadpoolController:
    """Looks for the libraries once, after numpy has loaded them."""
    return ThreadpoolController()


def for_all(work: Callable[[slice], None], parts: Sequence[slice]) -> None:
    """Do the work for all parts, on all cores; they must not touch each other's results."""
    with one_thread_each():
        if len(parts) == 1:
            work(parts[0])
            return
        with ThreadPoolExecutor(os.cpu_count()) as executor:
            list(executor.map(work, parts))
