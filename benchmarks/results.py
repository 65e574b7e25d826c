"""What a benchmark has finished, so that it goes on where it was interrupted and measures anew what has changed."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compress.base.digests import digest_of
from compress.base.files import replacing
from compress.base.sources import source_digest
from compress.base.store import Store

__all__ = ["Results", "Stopwatch"]

SECONDS_BETWEEN_NOTES = 5.0


@dataclass(frozen=True)
class Results:
    """A folder of finished results.

    A result counts only with the settings it was made with, and only for today's source: that of ``maker``, the module
    that makes it, and of everything ``maker`` imports.
    """

    folder: Path

    def path(self, *parts: str) -> Path:
        """A file of the benchmark, its folder made."""
        path = self.folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def work(self, maker: str, name: str, settings: Any) -> Path:
        """A folder for the checkpoints of a result in the making; other settings or source have another one."""
        return self.path("work", f"{name}-{digest_of(_key(maker, name, settings))[:16]}", "x").parent

    def get(self, maker: str, name: str, settings: Any) -> dict[str, Any] | None:
        """The result called ``name`` if it was made with ``settings`` and by today's source."""
        found = self._store.get(_key(maker, name, settings))
        return found if isinstance(found, dict) else None

    def put(self, maker: str, name: str, settings: Any, result: dict[str, Any]) -> None:
        """Keep a result."""
        self._store.put(_key(maker, name, settings), result)

    @property
    def _store(self) -> Store:
        return Store(self.folder / "results")


class Stopwatch:
    """Seconds spent on a result in all its attempts, noted in a file so that an interruption keeps them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._start = self._noted = time.perf_counter()
        self._before = float(path.read_text(encoding="utf-8")) if path.exists() else 0.0

    @property
    def seconds(self) -> float:
        """So far."""
        return self._before + time.perf_counter() - self._start

    def note(self, *_: object) -> None:
        """A ``Progress`` that writes the seconds down."""
        if time.perf_counter() - self._noted > SECONDS_BETWEEN_NOTES:
            self._noted = time.perf_counter()
            with replacing(self._path) as temporary:
                temporary.write_text(repr(self.seconds), encoding="utf-8")


def _key(maker: str, name: str, settings: Any) -> Any:
    return [maker, source_digest(maker), name, json.loads(json.dumps(settings))]
