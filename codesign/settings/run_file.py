"""One TOML file describes a run; every key, type and range in it is checked before anything starts."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from codesign.settings.run_config import RunConfig, TechnologySection
from compress.base.errors import CodesignError
from compress.base.files import read_text
from compress.base.settings import schema_in_words
from compress.data.datasets import is_data_function

__all__ = ["load_config"]


def load_config(path: Path, quick: bool = False) -> RunConfig:
    """Read and check a run file.

    ``quick`` lays the file's ``[quick]`` table over the rest. That table is checked in any case, so that a mistake
    in it does not wait for the first quick run.

    Raises
    ------
    CodesignError
        The file is missing or not TOML, or a key, type or value is wrong; reports the first mistake, with the closest
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
    text = read_text(path, "check the path, or start from examples/digits.toml")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # besides bad TOML, numbers of more digits than Python reads
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
    place = str(folder / Path(config.network.folder or ".").expanduser())
    network = {"folder": place}
    if config.network.weights is not None:
        network["weights"] = str(folder / config.network.weights)
    changes: dict[str, Any] = {"network": config.network.model_copy(update=network)}
    if config.technology.liberty is not None:
        changes["technology"] = TechnologySection(liberty=str(folder / config.technology.liberty))
    if config.data.folder is not None or is_data_function(config.data.name):
        place = str(folder / (config.data.folder or "."))
        changes["data"] = config.data.model_copy(update={"folder": place})
    if config.task is not None:
        place = str(folder / Path(config.task.folder or ".").expanduser())
        changes["task"] = config.task.model_copy(update={"folder": place})
    return config.model_copy(update=changes)


def _checked(document: dict[str, Any], path: Path, prefix: str) -> RunConfig:
    try:
        return RunConfig.model_validate(document)
    except ValidationError as error:
        raise _as_codesign_error(error.errors()[0], path, prefix) from None
    except CodesignError as error:
        raise CodesignError(f"{path}: {error.cause}", error.next_step) from None


def _as_codesign_error(detail: ErrorDetails, path: Path, prefix: str) -> CodesignError:
    location = [str(part) for part in detail["loc"]]
    name = prefix + ".".join(location)
    if detail["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return _unknown_key(location, path, name)
    if detail["type"] == "missing":
        return CodesignError(f"{path}: {name} is missing", f"add it; {_allowed(location)}")
    if detail["type"] == "value_error":
        return CodesignError(f"{path}: {name}: {detail['ctx']['error']}", "correct one of the two")
    message = detail["msg"][0].lower() + detail["msg"][1:]
    return CodesignError(f"{path}: {name} = {detail['input']!r} is wrong: {message}", _allowed(location))


def _unknown_key(location: list[str], path: Path, name: str) -> CodesignError:
    keys = list(_section_at(location[:-1]).__pydantic_fields__)
    close = difflib.get_close_matches(location[-1], keys, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    place = f"[{'.'.join(location[:-1])}]" if len(location) > 1 else "the top level"
    return CodesignError(f"{path}: unknown key {name!r}", f"{hint}{place} has: {', '.join(keys)}")


def _section_at(location: list[str]) -> Any:
    """The section's class, a model or one of ``compress``'s settings types."""
    section: Any = RunConfig
    for part in location:
        members = section.__pydantic_fields__
        annotation = members[part].annotation if part in members else section if part.isdigit() else None
        annotation = next(iter(get_args(annotation)), annotation)  # the items of a list of tables
        if not hasattr(annotation, "__pydantic_fields__"):
            break
        section = annotation
    return section


def _allowed(location: list[str]) -> str:
    """What the field at ``location`` may be, in words."""
    section = _section_at(location)
    members = section.__pydantic_fields__
    name = next((part for part in reversed(location) if part in members), None)
    if name is None:
        return f"the table has: {', '.join(members)}"
    return f"{name} must be {schema_in_words(TypeAdapter(section).json_schema()['properties'][name])}"
