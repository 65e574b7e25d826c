"""Which files a data set is read from, so that results know when they have changed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from compress.base.digests import digest_of, digest_of_file
from compress.data.cifar import SUBFOLDERS, TEST_FILE, TRAINING_FILES
from compress.data.places import MNIST_FILES, TEST_IMAGES, TRAINING_IMAGES, data_folder, mnist_places

__all__ = ["data_identity"]


def data_identity(name: str, folder: Path | None = None) -> str:
    """A digest that changes with the files of ``compress.data.datasets.load_dataset(name, seed, folder)``.

    Files of MNIST and CIFAR-10 count by content, images in folders by name, size and time of change, since reading all
    of them would take as long as an epoch. Empty where there are no files: loading reports what is missing, and
    bundled or downloaded data change only with the library.
    """
    kind = name.partition(":")[0]
    folder = data_folder(folder)
    if folder is None or kind not in _PLACES:
        return ""
    try:
        found = [_about(path, folder, kind) for path in _PLACES[kind](folder)]
    except OSError:
        return ""
    return digest_of(found) if found else ""


def _about(path: Path, folder: Path, kind: str) -> list[str | int]:
    status, name = path.stat(), path.relative_to(folder).as_posix()
    if kind == "imagefolder":
        return [name, status.st_size, status.st_mtime_ns]
    return [name, _content(path, status.st_size, status.st_mtime_ns)]


@lru_cache(maxsize=64)
def _content(path: Path, size: int, changed_ns: int) -> str:
    return digest_of_file(path)


def _mnist(folder: Path) -> Iterator[Path]:
    yield from _existing(path for part in MNIST_FILES.values() for name in part for path in mnist_places(folder, name))


def _cifar10(folder: Path) -> Iterator[Path]:
    yield from _existing(folder / place / name for place in SUBFOLDERS for name in (*TRAINING_FILES, TEST_FILE))


def _imagefolder(folder: Path) -> Iterator[Path]:
    images = (path for part in (TRAINING_IMAGES, TEST_IMAGES) for path in (folder / part).glob("*/*"))
    visible = (path for path in images if not path.name.startswith(".") and not path.parent.name.startswith("."))
    yield from sorted(path for path in visible if path.is_file())


def _existing(paths: Iterator[Path]) -> Iterator[Path]:
    return (path for path in paths if path.is_file())


_PLACES = {"mnist": _mnist, "cifar10": _cifar10, "imagefolder": _imagefolder}
