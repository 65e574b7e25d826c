"""What a benchmark has finished: one JSON file a result, so that it goes on where it was interrupted."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compress.base.files import replacing

__all__ = ["Stopwatch", "Store"]

SECONDS_BETWEEN_NOTES = 5.0


@dataclass(frozen=True)
class Store:
    """A folder of finished results.

    A result counts only with the settings it was made with; changed settings make it anew.
    """

    folder: Path

    def path(self, *parts: str) -> Path:
        """A file of the benchmark, its folder made."""
        path = self.folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def get(self, key: str, settings: Any) -> dict[str, Any] | None:
        """The result under ``key`` if it was made with ``settings``."""
        try:
            found = json.loads(self.path("results", f"{key}.json").read_text())
        except (OSError, ValueError):
            return None
        return found["result"] if found.get("settings") == _as_json(settings) else None

    def put(self, key: str, settings: Any, result: dict[str, Any]) -> None:
        """Keep a result."""
        with replacing(self.path("results", f"{key}.json")) as temporary:
            temporary.write_text(json.dumps({"settings": _as_json(settings), "result": result}, indent=1))


class Stopwatch:
    """Seconds spent on a result in all its attempts, noted in a file so that an interruption keeps them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._start = self._noted = time.perf_counter()
        self._before = float(path.read_text()) if path.exists() else 0.0

    @property
    def seconds(self) -> float:
        """So far."""
        return self._before + time.perf_counter() - self._start

    def note(self, *_: object) -> None:
        """A ``Progress`` that writes the seconds down."""
        if time.perf_counter() - self._noted > SECONDS_BETWEEN_NOTES:
            self._noted = time.perf_counter()
            with replacing(self._path) as temporary:
                temporary.write_text(repr(self.seconds))


def _as_json(settings: Any) -> Any:
    return json.loads(json.dumps(settings))
