"""Images, what is to be learned of them, and the three splits of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import torch
from torch import Tensor

from compress.base.errors import CodesignError
from compress.data.imagefolder import FolderImages
from compress.data.normalization import Normalization
from compress.data.task import CLASSIFICATION, Task

__all__ = ["Dataset", "Split"]


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their labels.

    Members
    -------
    images : float32 (N, C, H, W)
        What the network reads: pixels in [0, 1], normalized where there is a normalization.
    labels : int64 (N,)
        Of another task than classification its targets, int64 or float32 (N, ...).
    task : Task
        What the network is to learn, and how its answers are judged.
    normalization : Normalization, optional
        How ``images`` were made of pixels.
    """

    images: Tensor
    labels: Tensor
    task: Task = field(default=CLASSIFICATION, kw_only=True)
    normalization: Normalization | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.dtype != torch.float32 or len(self.images) == 0:
            raise CodesignError(
                f"images must be float32 (N, C, H, W), not {self.images.dtype} {tuple(self.images.shape)}",
                "convert and reshape the images",
            )
        if self.task.classes:
            self._check_labels()
        elif self.labels.dtype not in (torch.int64, torch.float32) or self.labels.shape[:1] != self.images.shape[:1]:
            raise CodesignError(
                f"{len(self.images)} images need as many targets, int64 or float32, not {self.labels.dtype} "
                f"{tuple(self.labels.shape)}",
                "give one target for each image",
            )
        if _lazy(self.images) is None:  # photos are in range, and not read for a check
            self._check_range()

    def _check_labels(self) -> None:
        if self.labels.dtype != torch.int64 or self.labels.shape != self.images.shape[:1]:
            raise CodesignError(
                f"{len(self.images)} images need as many int64 labels, not {self.labels.dtype} "
                f"{tuple(self.labels.shape)}",
                "give one label per image; for other targets give a task of their own, a loss and a metric",
            )

    def _check_range(self) -> None:
        least, largest = (bound(self.images, (0, 2, 3)) for bound in (torch.amin, torch.amax))
        if self.normalization is None:
            if not (float(least.min()) >= 0 and float(largest.max()) <= 1):
                raise CodesignError("images must lie in [0, 1]", "divide them by their largest value")
        elif not self.normalization.in_range(least, largest):
            raise CodesignError(
                "normalized images must be made of pixels in [0, 1]",
                "divide the pixels by their largest value, and the means and standard deviations too",
            )

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, count: int) -> Split:
        """The first ``count`` images, or all."""
        return replace(self, images=self.images[:count], labels=self.labels[:count])

    @property
    def pixels(self) -> Tensor:
        """The images (N, C, H, W) in [0, 1], as an integer model reads them."""
        if self.normalization is None:
            return self.images
        lazy = _lazy(self.images)
        return self.normalization.invert(self.images) if lazy is None else cast(Tensor, lazy.normalized(None))

    def normalized(self, normalization: Normalization | None) -> Split:
        """The same pixels, normalized in this way instead."""
        lazy = _lazy(self.images)
        if lazy is not None:
            images = cast(Tensor, lazy.normalized(normalization))
        else:
            images = self.pixels if normalization is None else normalization.apply(self.pixels)
        return replace(self, images=images, normalization=normalization)


def _lazy(images: object) -> FolderImages | None:
    """Images that are read when they are asked for, or None for a tensor."""
    return images if isinstance(images, FolderImages) else None


@dataclass(frozen=True, eq=False)
class Dataset:
    """Train on ``train``, choose on ``validation``, report on ``test``."""

    name: str
    train: Split
    validation: Split
    test: Split

    @property
    def task(self) -> Task:
        """What the network is to learn, the same in all splits."""
        return self.train.task

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width

    def normalized(self, mean: Sequence[float] | None, std: Sequence[float] | None) -> Dataset:
        """The same pixels, normalized by numbers for each channel or one for all; not at all by None and None."""
        normalization = Normalization.of(mean, std, self.input_shape[0])
        splits = {name: getattr(self, name).normalized(normalization) for name in ("train", "validation", "test")}
        return replace(self, **splits)
