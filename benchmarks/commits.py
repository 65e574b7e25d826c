"""Which source a figure was measured with."""

from __future__ import annotations

import subprocess
from pathlib import Path

__all__ = ["commit_of_source"]


def commit_of_source() -> str:
    """The commit that is checked out, with a plus where files differ from it; empty outside of a repository."""
    folder = Path(__file__).parent
    try:
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
        return _git(folder, "rev-parse", "--short", "HEAD") + "+" * bool(changed)
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(folder: Path, *arguments: str) -> str:
    found = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, encoding="utf-8")
    return found.stdout.strip()
