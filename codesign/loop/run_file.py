"""One TOML file describes a run; every key, type and range in it is checked before anything starts."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from codesign.loop.settings import RunConfig, TechnologySection
from compress.base.errors import CodesignError

__all__ = ["load_config"]


def load_config(path: Path, quick: bool = False) -> RunConfig:
    """Read and check a run file.

    ``quick`` lays the file's ``[quick]`` table over the rest. That table is checked in any case, so that a mistake
    in it does not wait for the first quick run.

    Raises
    ------
    CodesignError
        The file is missing or no TOML, or a key, type or value is wrong; the first mistake is told, with the closest
        valid key.

    """
    document = _read_toml(path)
    overrides = document.pop("quick", {})
    full = _checked(document, path, "")
    if not isinstance(overrides, dict):
        raise CodesignError(f"{path}: quick must be a table", "write it as [quick.train], [quick.compress] and so on")
    reduced = _checked(_merged(document, overrides), path, "quick.")
    if quick and not overrides:
        raise CodesignError(f"{path} has no [quick] table", "add one, or run without --quick")
    return _with_paths_from(path.parent, reduced if quick else full)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise CodesignError(
            f"cannot read run file {path}: {error.strerror}", "check the path, or start from examples/digits.toml"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CodesignError(f"{path} is not valid TOML: {error}", "correct that line") from error


def _merged(document: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """``document`` with the leaves of ``overrides`` in their places."""
    result = dict(document)
    for key, value in overrides.items():
        nested = isinstance(value, dict) and isinstance(result.get(key, {}), dict)
        result[key] = _merged(result.get(key, {}), value) if nested else value
    return result


def _with_paths_from(folder: Path, config: RunConfig) -> RunConfig:
    """Paths in the file are relative to the file."""
    changes: dict[str, Any] = {}
    if config.technology.liberty is not None:
        changes["technology"] = TechnologySection(liberty=str(folder / Path(config.technology.liberty).expanduser()))
    if config.data.folder is not None:
        place = str(folder / Path(config.data.folder).expanduser())
        changes["data"] = config.data.model_copy(update={"folder": place})
    return config.model_copy(update=changes)


def _checked(document: dict[str, Any], path: Path, prefix: str) -> RunConfig:
    try:
        return RunConfig.model_validate(document)
    except ValidationError as error:
        raise _as_codesign_error(error.errors()[0], path, prefix) from None


def _as_codesign_error(detail: ErrorDetails, path: Path, prefix: str) -> CodesignError:
    location = [str(part) for part in detail["loc"]]
    name = prefix + ".".join(location)
    if detail["type"] == "extra_forbidden":
        return _unknown_key(location, path, name)
    if detail["type"] == "missing":
        return CodesignError(f"{path}: {name} is missing", f"add it; {_allowed(location)}")
    if detail["type"] == "value_error":
        return CodesignError(f"{path}: {name}: {detail['ctx']['error']}", "correct one of the two")
    message = detail["msg"][0].lower() + detail["msg"][1:]
    if detail["type"] == "string_pattern_mismatch":
        message = "it is none of those known"
    return CodesignError(f"{path}: {name} = {detail['input']!r} is wrong: {message}", _allowed(location))


def _unknown_key(location: list[str], path: Path, name: str) -> CodesignError:
    keys = list(_section_at(location[:-1]).model_fields)
    close = difflib.get_close_matches(location[-1], keys, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    place = f"[{'.'.join(location[:-1])}]" if len(location) > 1 else "the top level"
    return CodesignError(f"{path}: unknown key {name!r}", f"{hint}{place} has: {', '.join(keys)}")


def _section_at(location: list[str]) -> type[BaseModel]:
    section: type[BaseModel] = RunConfig
    for part in location:
        annotation = section.model_fields[part].annotation if part in section.model_fields else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            break
        section = annotation
    return section


def _allowed(location: list[str]) -> str:
    """What the field at ``location`` may be, in words."""
    section = _section_at(location)
    name = next((part for part in reversed(location) if part in section.model_fields), None)
    if name is None:
        return f"the table has: {', '.join(section.model_fields)}"
    return f"{name} must be {_in_words(section.model_json_schema()['properties'][name])}"


def _in_words(schema: dict[str, Any]) -> str:
    """A field's JSON schema as English.

    >>> _in_words({"type": "integer", "minimum": 1, "maximum": 8})
    'an integer >= 1 and <= 8'
    """
    if "anyOf" in schema:
        return next(_in_words(choice) for choice in schema["anyOf"] if choice.get("type") != "null")
    if "enum" in schema:
        return f"one of: {', '.join(repr(choice) for choice in schema['enum'])}"
    if schema.get("type") == "array":
        return f"a list, each item {_in_words(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"a table of layer names, each {_in_words(schema['additionalProperties'])}"
    kind = {"integer": "an integer", "number": "a number", "string": "a text in quotes"}.get(
        schema.get("type", ""), "a table"
    )
    limits = [f"{sign} {schema[key]}" for key, sign in _LIMITS.items() if key in schema]
    return " ".join([kind, " and ".join(limits)]).strip()


_LIMITS = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}
