"""The data set of a run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Self

from codesign.settings.run_config import RunConfig
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
    mean, std : tuple of float, optional
        As ``Dataset.normalized`` takes them.
    """

    name: str
    folder: str | None
    seed: int
    files: str = ""
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    @classmethod
    def of(cls, name: str, folder: str | None, seed: int) -> Self:
        """The data set as its files are now, not normalized."""
        return cls(name, folder, seed, data_identity(name, _path(folder)))

    @classmethod
    def of_run(cls, config: RunConfig) -> Self:
        """The run's data set as its files are now."""
        given = config.data
        mean, std = (None if numbers is None else tuple(numbers) for numbers in (given.mean, given.std))
        return replace(cls.of(given.name, given.folder, config.split_seed), mean=mean, std=std)

    def load(self) -> Dataset:
        """The images, read once for all stages."""
        return _load(self)


@lru_cache(maxsize=1)
def _load(data: Data) -> Dataset:
    return load_dataset(data.name, data.seed, _path(data.folder)).normalized(data.mean, data.std)


def _path(folder: str | None) -> Path | None:
    return None if folder is None else Path(folder)
