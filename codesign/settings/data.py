"""The data set of a run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

from compress.data.datasets import Dataset, load_dataset
from compress.data.identity import data_identity

__all__ = ["Data"]


@dataclass(frozen=True)
class Data:
    """A data set.

    Members
    -------
    name, folder, seed
        As ``load_dataset`` takes them.
    files : str
        Changes when the files do.
    """

    name: str
    folder: str | None
    seed: int
    files: str = ""

    @classmethod
    def of(cls, name: str, folder: str | None, seed: int) -> Self:
        """The data set as its files are now."""
        return cls(name, folder, seed, data_identity(name, _path(folder)))

    def load(self) -> Dataset:
        """The images, read once for all stages."""
        return _load(self)


@lru_cache(maxsize=1)
def _load(data: Data) -> Dataset:
    return load_dataset(data.name, data.seed, _path(data.folder))


def _path(folder: str | None) -> Path | None:
    return None if folder is None else Path(folder)
