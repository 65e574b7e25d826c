"""Photos in one folder per class, decoded when a batch asks for them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from compress.base.errors import CodesignError
from compress.data.normalization import Normalization
from compress.data.picture import read_picture

__all__ = ["FolderImages", "list_images"]

SUFFIXES = (".bmp", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp")
RAW = (".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".raf", ".raw", ".rw2")
COMPRESSED = (".apng", ".avif", ".gif", ".heic", ".heif", ".j2c", ".j2k", ".jp2", ".jpc", ".jpf", ".jpx", ".jxl")
OTHER = (".dcm", ".dds", ".dib", ".eps", ".exr", ".hdr", ".ico", ".pam", ".pcx", ".pfm", ".psd", ".sgi", ".svg", ".tga")
NOT_READ = (*RAW, *COMPRESSED, *OTHER)  # images all the same


@dataclass(frozen=True)
class FolderImages:
    """Images that index like a float32 tensor (N, 3, size, size), normalized or in [0, 1]; each access reads the files.

    See ``compress.data.picture`` for how one is scaled and cropped.
    """

    paths: tuple[Path, ...]
    size: int
    normalization: Normalization | None = None
    dtype = torch.float32
    ndim = 4

    @property
    def shape(self) -> torch.Size:
        """(N, 3, size, size)."""
        return torch.Size((len(self.paths), 3, self.size, self.size))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: Tensor | slice) -> Tensor:
        """The images at a vector of positions, or a slice of them."""
        places: Sequence[int] = range(len(self))[index] if isinstance(index, slice) else index.tolist()
        pixels = torch.stack([read_picture(self.paths[place], self.size) for place in places])
        return pixels if self.normalization is None else self.normalization.apply(pixels)

    def normalized(self, normalization: Normalization | None) -> FolderImages:
        """The same images, normalized in this way instead."""
        return replace(self, normalization=normalization)

    def identity(self) -> Tensor:
        """What a checkpoint compares: a digest of the files' names and sizes, without reading them."""
        made = "" if self.normalization is None else f" {self.normalization.mean} {self.normalization.std}"
        hashed = hashlib.sha256(f"{self.size}{made}".encode())
        for path in self.paths:
            hashed.update(os.fsencode(f"{path.parent.name}/{path.name} {path.stat().st_size}\n"))
        return torch.frombuffer(bytearray(hashed.digest()), dtype=torch.uint8)


def list_images(folder: Path, classes: Sequence[str] | None = None) -> tuple[tuple[Path, ...], Tensor, tuple[str, ...]]:
    """Image files ``folder/<class>/<name>.jpg`` and the like, their labels, and the classes in sorted order.

    Hidden folders and files (``.ipynb_checkpoints``) and files that are not images do not count.

    Raises
    ------
    CodesignError
        The folder is missing, its classes are not those given, a class has no image, or an image cannot be used.
    """
    try:
        found = tuple(sorted(path.name for path in _visible(folder) if path.is_dir())) if folder.is_dir() else ()
        if not found:
            raise CodesignError(
                f"{folder} holds no folders of images", "put each class's images into a folder of its own"
            )
        _check_classes(folder, found, found if classes is None else classes)
        images = [_images_in(folder / name) for name in found]
    except OSError as error:
        raise CodesignError(
            f"cannot read {error.filename or folder}: {error.strerror}", "check the folder's permissions"
        ) from error
    labels = [label for label, paths in enumerate(images) for _ in paths]
    return tuple(path for paths in images for path in paths), torch.tensor(labels, dtype=torch.int64), found


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _check_classes(folder: Path, found: Sequence[str], wanted: Sequence[str]) -> None:
    missing = [name for name in wanted if name not in found]
    other = [name for name in found if name not in wanted]
    if missing or other:
        told = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"also has {', '.join(other)}"] * bool(other)
        raise CodesignError(
            f"{folder} has other classes than the training images: it {' and '.join(told)}",
            "use the same folder names",
        )


def _images_in(folder: Path) -> list[Path]:
    """The images of a class; a CodesignError if there is none, or one that cannot be used."""
    files = _visible(folder)
    for path in files:
        if path.suffix.lower() in NOT_READ:
            raise CodesignError(
                f"the image {path} has a format that is not supported", f"convert it to one of {', '.join(SUFFIXES)}"
            )
    images = [path for path in files if path.suffix.lower() in SUFFIXES]
    for path in images:
        if not path.is_file():
            raise CodesignError(f"{path} is not a file, or is a broken link", "remove or replace it")
    if not images:
        raise CodesignError(
            f"the class folder {folder} holds no image ({', '.join(SUFFIXES)})", "add its images, or remove the folder"
        )
    folders = [path for path in files if path.is_dir()]
    if folders:
        raise CodesignError(
            f"the class folder {folder} holds the folder {folders[0].name}, whose images would not be read",
            "move its images into the class folder, or remove it",
        )
    return images
