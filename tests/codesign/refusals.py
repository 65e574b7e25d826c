"""How every mistake must be refused: exit code 2, one message with cause and next step, nothing half-written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

__all__ = ["Refused", "RunFile", "tree"]

Refused = Callable[..., str]
"""Runs the command line, checks how it refuses, and returns what it told."""

RunFile = Callable[..., Path]
"""Writes a run file with one replacement made in it."""


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
