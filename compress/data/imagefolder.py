"""Photos in one folder per class, decoded when a batch asks for them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from compress.base.errors import CodesignError

__all__ = ["FolderImages", "list_images"]

SUFFIXES = (".jpeg", ".jpg", ".png")
MARGIN = 256 / 224  # the shorter side before the crop over the side after it, as usual on ImageNet


@dataclass(frozen=True)
class FolderImages:
    """Images that index like a float32 tensor (N, 3, size, size) in [0, 1]; each access reads the files.

    The shorter side is scaled to 256/224 of ``size``, and the centre cut out.
    """

    paths: tuple[Path, ...]
    size: int
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
        return torch.stack([_read(self.paths[place], self.size) for place in places])

    def identity(self) -> Tensor:
        """What a checkpoint compares: a digest of the files' names and sizes, without reading them."""
        hashed = hashlib.sha256(f"{self.size}".encode())
        for path in self.paths:
            hashed.update(f"{path.parent.name}/{path.name} {path.stat().st_size}\n".encode())
        return torch.frombuffer(bytearray(hashed.digest()), dtype=torch.uint8)


def list_images(folder: Path, classes: Sequence[str] | None = None) -> tuple[tuple[Path, ...], Tensor, tuple[str, ...]]:
    """Files ``folder/<class>/<name>.jpg`` (or jpeg, png), their labels, and the classes in sorted order.

    Raises
    ------
    CodesignError
        The folder or its images are missing, or its classes are not those given.
    """
    found = tuple(sorted(path.name for path in folder.iterdir() if path.is_dir())) if folder.is_dir() else ()
    if not found:
        raise CodesignError(f"{folder} holds no folders of images", "put each class's images into a folder of its own")
    if classes is not None and found != tuple(classes):
        raise CodesignError(f"{folder} has other classes than the training images", "use the same folder names")
    paths, labels = [], []
    for label, name in enumerate(found):
        images = sorted(path for path in (folder / name).iterdir() if path.suffix.lower() in SUFFIXES)
        paths += images
        labels += [label] * len(images)
    if not paths:
        raise CodesignError(f"{folder} holds no {', '.join(SUFFIXES)} files", "check the folder")
    return tuple(paths), torch.tensor(labels, dtype=torch.int64), found


def _read(path: Path, size: int) -> Tensor:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            image.load()
            picture = image.convert("RGB")
    except (OSError, UnidentifiedImageError) as error:
        raise CodesignError(f"cannot read the image {path}: {error}", "remove or replace it") from error
    scale = size * MARGIN / min(picture.size)
    width, height = (max(size, round(side * scale)) for side in picture.size)
    left, top = (width - size) // 2, (height - size) // 2
    picture = picture.resize((width, height), Image.Resampling.BILINEAR).crop((left, top, left + size, top + size))
    return torch.from_numpy(np.array(picture, np.float32).transpose(2, 0, 1) / 255)
