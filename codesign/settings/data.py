"""The data set of a run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

from codesign.settings.task import TaskSource, function_digest
from compress.data.datasets import Dataset, is_data_function, load_dataset
from compress.data.identity import data_identity
from compress.data.tensor_digest import digest

if TYPE_CHECKING:  # stages know the data, and not all that a run file may say
    from codesign.settings.run_config import RunConfig

__all__ = ["Data"]


@dataclass(frozen=True)
class Data:
    """A data set.

    Members
    -------
    name, folder, seed
        As ``load_dataset`` takes them; ``folder`` of named data.
    files : str
        Changes when the files do, or the source of the user's function.
    returned : str
        Changes with what the user's function returns.
    mean, std : tuple of float, optional
        As ``Dataset.normalized`` takes them.
    options : str
        Arguments of the user's function, as JSON.
    task : TaskSource
    place : Path, optional
        Where the module of the user's function is searched first. The same source in another place is the same data.
    """

    name: str
    folder: str | None
    seed: int
    files: str = ""
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    options: str = "{}"
    task: TaskSource = field(default_factory=TaskSource)
    returned: str = ""
    place: Path | None = field(default=None, compare=False)

    @classmethod
    def of(cls, name: str, folder: str | None, seed: int) -> Self:
        """Named data as its files are now, not normalized, for classification."""
        return cls(name, folder, seed, data_identity(name, _path(folder)))

    @classmethod
    def of_run(cls, config: RunConfig) -> Self:
        """The run's data set as its files and functions are now."""
        given = config.data
        mean, std = (None if numbers is None else tuple(numbers) for numbers in (given.mean, given.std))
        options, task = json.dumps(given.options, sort_keys=True), TaskSource.of_run(config)
        seed, place = config.split_seed, _path(given.folder)
        if not is_data_function(given.name):
            return replace(cls.of(given.name, given.folder, seed), mean=mean, std=std, options=options, task=task)
        source = function_digest(given.name, place)
        data = cls(given.name, None, seed, source, mean, std, options, task, place=place)
        return replace(data, returned=_returned(data, place))

    def load(self) -> Dataset:
        """The images, read once for all stages."""
        return _load(replace(self, returned=""), self.place)


@lru_cache(maxsize=1)
def _load(data: Data, place: Path | None) -> Dataset:
    dataset = load_dataset(
        data.name, data.seed, place or _path(data.folder), options=json.loads(data.options), task=data.task.task()
    )
    return dataset if data.mean is None and data.std is None else dataset.normalized(data.mean, data.std)


@lru_cache(maxsize=4)
def _returned(data: Data, place: Path | None) -> str:
    """A digest of all that the function returned."""
    dataset = _load(data, place)
    splits = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    tensors = {f"{name} images": split.images for name, split in splits.items()}
    return digest(tensors | {f"{name} targets": split.labels for name, split in splits.items()})


def _path(folder: str | None) -> Path | None:
    return None if folder is None else Path(folder)
