"""What a stage's result has in common: typed, frozen, and the same after a way through its JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from compress.base.errors import CodesignError
from compress.base.files import read_text, write_text

__all__ = ["Result"]


class Result(BaseModel):
    """Figures that one stage leaves for later stages, the report and the command line.

    ``FILE`` is its name in the run's folder, ``COMMAND`` what writes it. Reading is strict: a file with other members
    or types is damaged.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, ser_json_inf_nan="constants")

    FILE: ClassVar[str]
    COMMAND: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        """JSON-safe members."""
        content: dict[str, Any] = json.loads(self.model_dump_json())
        return content

    def __getitem__(self, name: str) -> Any:
        """The member of that name in the JSON file, for scripts written against the file's keys."""
        return self.to_json()[name]

    def check(self) -> None:
        """Raise where the result, once it is written, must stop the run."""

    def write(self, folder: Path) -> Path:
        """Write its file, whole or not at all."""
        path = folder / self.FILE
        write_text(path, json.dumps(self.to_json(), indent=2) + "\n")
        return path

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read its file; a missing, damaged or foreign one is a CodesignError that names the command to run."""
        path = folder / cls.FILE
        text = read_text(path, f"run `{cls.COMMAND}` first")
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise CodesignError(
                f"{path} is damaged: {_first(error)}", f"remove it and run `{cls.COMMAND}` again"
            ) from error


def _first(error: ValidationError) -> str:
    detail = error.errors()[0]
    place = ".".join(str(part) for part in detail["loc"])
    return f"{place + ': ' if place else ''}{detail['msg'][0].lower()}{detail['msg'][1:]}"
