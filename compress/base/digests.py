"""SHA-256 of JSON values and of files, which identify results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

__all__ = ["as_json", "digest_of", "digest_of_file"]


def digest_of(value: Any) -> str:
    """Of a JSON value, as 64 hexadecimal digits; the order of a mapping's keys does not matter."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def digest_of_file(path: Path) -> str:
    """Of a file's content, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def as_json(value: Any) -> Any:
    """Settings as a JSON value for a key: dataclasses and pydantic models by their members, paths as text.

    A dataclass's members that its equality ignores (``field(compare=False)``) are not part of the key.

    Raises
    ------
    TypeError
        Something else that JSON cannot hold, whose content would be missing from the key.
    """
    if isinstance(value, BaseModel):
        return {name: as_json(getattr(value, name)) for name in type(value).model_fields}
    if is_dataclass(value) and not isinstance(value, type):
        return {member.name: as_json(getattr(value, member.name)) for member in fields(value) if member.compare}
    if isinstance(value, Mapping):
        return {str(key): as_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(inner) for inner in value]
    if isinstance(value, set | frozenset):
        return sorted((as_json(inner) for inner in value), key=json.dumps)
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{value!r} cannot be a part of a key")
