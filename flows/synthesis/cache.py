"""Results kept by the content of what made them: one JSON file a key, told apart by a hash."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from compress.base.errors import CodesignError
from compress.base.files import cache_folder, replacing

__all__ = ["ContentCache"]


class ContentCache:
    """Dictionaries under JSON keys, in ``cache_folder(name)``.

    An entry that cannot be read, or whose checksum is wrong, counts as absent. A folder that cannot be written
    is no error: the result is then made again next time.
    """

    def __init__(self, name: str) -> None:
        self.folder = cache_folder(name)

    def path(self, key: Any) -> Path:
        """The entry's file."""
        return self.folder / f"{_digest(key)}.json"

    def get(self, key: Any) -> dict[str, Any] | None:
        """The value put under an equal key, or None."""
        try:
            entry = json.loads(self.path(key).read_text())
            value = entry["value"]
            return value if isinstance(value, dict) and entry["checksum"] == _digest(value) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: Any, value: dict[str, Any]) -> dict[str, Any]:
        """Keep ``value`` and return it as a later ``get`` will."""
        text = json.dumps({"value": value, "checksum": _digest(value)})
        with suppress(CodesignError), replacing(self.path(key)) as partial:
            partial.write_text(text)
        kept: dict[str, Any] = json.loads(text)["value"]
        return kept


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
