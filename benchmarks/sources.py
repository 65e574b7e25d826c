"""A digest of source, so that a benchmark's result is made again when what made it changes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from codesign.loop.workspace import digest_of

__all__ = ["source_digest"]


@lru_cache
def source_digest(*packages: str) -> str:
    """Of all modules of the packages, or of a single module given as ``package.module``."""
    root = Path(__file__).parents[1]
    modules = [path for package in packages for path in _modules(root.joinpath(*package.split(".")))]
    return digest_of([[str(path.relative_to(root)), path.read_text()] for path in modules])


def _modules(place: Path) -> list[Path]:
    return sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
