"""Settings types: frozen dataclasses that check every member, for Python code and run files alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any, TypeVar, cast, dataclass_transform

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from compress.base.errors import CodesignError

__all__ = ["Count", "CountOrZero", "Fraction", "Rate", "RateOrZero", "Seed", "Text", "schema_in_words", "settings"]

MOST = 10**6  # epochs, images, iterations: a larger number is a mistake, and would overflow somewhere later
LARGEST_SEED = 2**32 - 1  # numpy takes no more

Count = Annotated[int, Field(ge=1, le=MOST, strict=True)]
"""At least one of something."""
CountOrZero = Annotated[int, Field(ge=0, le=MOST, strict=True)]
Rate = Annotated[float, Field(gt=0, le=1e6, strict=True)]
"""A positive factor: a learning rate, a penalty."""
RateOrZero = Annotated[float, Field(ge=0, le=1e6, strict=True)]
Fraction = Annotated[float, Field(gt=0, le=1, strict=True)]
"""A part of a whole that is not empty."""
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED, strict=True)]
Text = Annotated[str, Field(strict=True)]

Settings = TypeVar("Settings")


@dataclass_transform(frozen_default=True, kw_only_default=False)
def settings(cls: type[Settings]) -> type[Settings]:
    """Make a class of annotated members a frozen dataclass that checks them.

    Made in Python, also by ``dataclasses.replace``, it raises a CodesignError that names the first wrong member and
    what it may be. As a member of a pydantic model it is read from a table, with the model's own errors. Types are
    exact (an integer may stand for a float), and an unknown member is an error.

    >>> @settings
    ... class Oven:
    ...     degrees: Count = 180
    >>> Oven(degrees=0)
    Traceback (most recent call last):
    ...
    compress.base.errors.CodesignError: degrees = 0: input should be greater than or equal to 1
      next: degrees must be an integer >= 1 and <= 1000000
    """
    made: Any = checked_dataclass(dataclass(frozen=True)(cls), frozen=True, config=ConfigDict(extra="forbid"))
    checked = made.__init__

    @wraps(checked)
    def init(self: Any, *args: Any, **members: Any) -> None:
        try:
            checked(self, *args, **members)
        except ValidationError as error:
            raise _in_our_words(error, made) from None

    made.__init__ = init
    return cast("type[Settings]", made)


def _in_our_words(error: ValidationError, cls: type) -> CodesignError:
    detail = error.errors()[0]
    members = TypeAdapter(cls).json_schema()["properties"]
    name = str(detail["loc"][0]) if detail["loc"] else cls.__name__
    if name not in members:
        return CodesignError(f"{cls.__name__} has no member {name!r}", f"it has: {', '.join(members)}")
    message = detail["msg"][0].lower() + detail["msg"][1:]
    return CodesignError(f"{name} = {detail['input']!r}: {message}", f"{name} must be {schema_in_words(members[name])}")


def schema_in_words(schema: Mapping[str, Any]) -> str:
    """A member's JSON schema as English.

    >>> schema_in_words({"type": "integer", "minimum": 1, "maximum": 8})
    'an integer >= 1 and <= 8'
    """
    if "anyOf" in schema:
        return next(schema_in_words(choice) for choice in schema["anyOf"] if choice.get("type") != "null")
    if "enum" in schema:
        return f"one of: {', '.join(repr(choice) for choice in schema['enum'])}"
    if schema.get("type") == "array":
        return f"a list, each item {schema_in_words(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"a table of layer names, each {schema_in_words(schema['additionalProperties'])}"
    kind = _KINDS.get(schema.get("type", ""), "a table")
    limits = [f"{sign} {schema[key]}" for key, sign in _LIMITS.items() if key in schema]
    examples = [f"such as {example!r}" for example in schema.get("examples", [])[:1]]
    return " ".join(filter(None, [kind, " and ".join(limits), *examples]))


_KINDS = {"integer": "an integer", "number": "a number", "string": "a text in quotes", "boolean": "true or false"}
_LIMITS = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}
