"""What a synthesis that failed is told as: whose failure it was, in the tool's own last lines, and what to do."""

from __future__ import annotations

import signal
from pathlib import Path

from compress.base.errors import CodesignError

__all__ = ["failure"]

_LINES = 8
_MAPPING = {
    "read_liberty": "Yosys (read_liberty)",
    "dfflibmap": "Yosys (dfflibmap)",
    "abc": "ABC",
    "stat": "Yosys (stat)",
}
_CORRECT_SOURCE = "correct the source; latches, tri-states and undriven or looped wires cannot be mapped"
_CHECK_LIBRARY = "look for latches or asynchronous resets that the library has no cell for, or give another library"


def failure(folder: Path, status: int, top: str, library: str) -> CodesignError:
    """The error for a child that ended with ``status`` in its working folder."""
    tool = _MAPPING.get(_verb(folder))
    if tool is None:
        return CodesignError(f"synthesis of {top!r} failed ({_status(status)}):\n{_tail(folder)}", _CORRECT_SOURCE)
    cause = f"{tool} failed to map {top!r} to library {library} ({_status(status)}):\n{_tail(folder, tool == 'ABC')}"
    return CodesignError(cause, _CHECK_LIBRARY)


def _verb(folder: Path) -> str:
    """The Yosys command that was running; empty if none had begun."""
    path = folder / "command.txt"
    words = path.read_text(encoding="utf-8").split() if path.exists() else []
    return next((word for word in words if word in _MAPPING), words[0] if words else "")


def _status(status: int) -> str:
    return f"exit code {status}" if status > 0 else f"killed by {signal.Signals(-status).name}"


def _tail(folder: Path, abc: bool = False) -> str:
    """The tool's error line, for ABC with its own last lines before it; the last lines if there is none."""
    texts = [
        path.read_text(encoding="utf-8", errors="replace")
        for path in (folder / "yosys.log", folder / "console.log")
        if path.exists()
    ]
    told = [line for text in texts for line in text.splitlines() if line.strip() and "Running command" not in line]
    errors = [line for line in told if "ERROR" in line]
    own = [line for line in told if abc and line.startswith("ABC: ") and not line.startswith("ABC: +")]
    return "\n".join(own[-_LINES:] + errors[-1:] or told[-_LINES:])
