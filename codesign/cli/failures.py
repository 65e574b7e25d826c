"""The message of each failure, and its exit code for scripts."""

from __future__ import annotations

import io
import os
import sys
import traceback

import typer

from codesign.errors import MismatchError
from compress.base.errors import CodesignError

__all__ = ["FAULT", "FOR_THE_USER", "INTERRUPTED", "MISMATCH", "NO_READER", "flush_results", "take_any_text", "tell"]

MISMATCH = 1
"""The hardware disagrees with its model."""
FOR_THE_USER = 2
FAULT = 3
"""A fault of the toolkit: the only failure with a traceback."""
INTERRUPTED = 130
NO_READER = 141
"""The reader of the results has closed the pipe, as ``head`` does; no message is written."""


def tell(error: BaseException) -> int:
    """Write a failure to stderr as cause and next step; returns its exit code."""
    match error:
        case CodesignError():
            return _write(error.cause, error.next_step, FOR_THE_USER)
        case MismatchError():
            next_step = "the array is wrong or was changed: generate it again; report it if it stays"
            return _write(str(error), next_step, MISMATCH)
        case KeyboardInterrupt() | typer.Abort():
            return _write("interrupted", "run the same command again to resume", INTERRUPTED)
        case BrokenPipeError() | SystemExit():  # click turns a closed pipe into an exit
            return NO_READER
        case OSError():
            cause = f"cannot use {error.filename or 'a file or stdout'}: {error.strerror or error}"
            return _write(cause, "check the path, its permissions and the disk", FOR_THE_USER)
    if _is_out_of_memory(error):
        return _write("there is not enough memory", "take fewer images or smaller batches at a time", FOR_THE_USER)
    traceback.print_exception(error)
    return _write(f"a fault in codesign: {type(error).__name__}: {error}", "report it with the lines above", FAULT)


def _is_out_of_memory(error: BaseException) -> bool:
    """Also when torch reports it, for the processor's memory or a GPU's."""
    known = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return known or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))


def _write(cause: str, next_step: str, code: int) -> int:
    sys.stderr.write(f"error: {cause}\nnext: {next_step}\n")
    return code


def take_any_text() -> None:
    """Let printing succeed in every locale: characters that it lacks are written as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def flush_results(code: int) -> int:
    """``code``, or that of the failure if stdout could not take the results."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python fails again at its exit
        if isinstance(error, BrokenPipeError):
            return NO_READER
        return _write(f"cannot print the results: {error.strerror}", "print them elsewhere", FOR_THE_USER)
    return code
