"""SHA-256 of JSON values and of files: what results are known by."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

__all__ = ["digest_of", "digest_of_file"]


def digest_of(value: Any) -> str:
    """Of a JSON value, as 64 hexadecimal digits; the order of a mapping's keys does not matter."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def digest_of_file(path: Path) -> str:
    """Of a file's content, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
