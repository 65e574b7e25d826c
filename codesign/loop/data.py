"""The data set of a run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from compress.data.datasets import Dataset, load_dataset

__all__ = ["Data"]


@dataclass(frozen=True)
class Data:
    """A data set by its name, the folder of its files, and the seed that splits it: ``load_dataset``'s arguments."""

    name: str
    folder: str | None
    seed: int

    def load(self) -> Dataset:
        """The images, read once for all stages."""
        return _load(self)


@lru_cache(maxsize=1)
def _load(data: Data) -> Dataset:
    return load_dataset(data.name, data.seed, None if data.folder is None else Path(data.folder))
