"""What is wrong with a description: the node, its member, what was given."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

__all__ = ["names_in", "told"]


def told(error: ValidationError, parts: str, names: list[str]) -> str:
    """The first fault of a description whose list ``parts`` (``nodes`` or ``layers``) has these names."""
    detail = error.errors()[0]
    place, part = [str(step) for step in detail["loc"]], ""
    if place[:1] == [parts] and len(place) > 1:
        number, kind = int(place[1]), parts.removesuffix("s")
        part = f"{kind} {names[number]!r}: " if number < len(names) else f"{kind} {number + 1}: "
        place = place[2:]
        if place[:1] == ["op"] and len(place) > 2:  # op, its kind, its member
            place = place[2:]
    member = ".".join(place) or "description"
    given = "" if detail["type"] in ("missing", "json_invalid") else f" = {_shortened(detail['input'])}"
    return f"{part}{member}{given}: {detail['msg'][0].lower()}{detail['msg'][1:]}"


def names_in(text: str, parts: str) -> list[str]:
    """The names of the list ``parts`` in a JSON text, as far as they can be read."""
    names: list[str] = []
    with suppress(ValueError, TypeError, KeyError, RecursionError):
        names.extend(str(part["name"]) for part in json.loads(text)[parts])
    return names


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
