"""What a network's inputs are made of pixels: each channel less its mean, over its standard deviation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Self

import torch
from torch import Tensor

from compress.base.errors import CodesignError

__all__ = ["Normalization"]

ROUNDING = 1e-3
"""Of a pixel that was normalized and is computed back; far below a step of 8 bits."""


@dataclass(frozen=True)
class Normalization:
    """Input = (pixel - mean) / std in every channel, pixels in [0, 1].

    Members
    -------
    mean, std : tuple of float
        One number for each channel.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.mean or len(self.mean) != len(self.std):
            raise CodesignError(
                f"the normalization has {len(self.mean)} means and {len(self.std)} standard deviations",
                "give both for each channel",
            )
        if not all(map(isfinite, (*self.mean, *self.std))) or min(self.std) <= 0:
            raise CodesignError(
                f"images cannot be normalized by mean {list(self.mean)} and std {list(self.std)}",
                "give finite means, and standard deviations above 0, for pixels in [0, 1]",
            )

    @classmethod
    def of(cls, mean: Sequence[float] | None, std: Sequence[float] | None, channels: int) -> Self | None:
        """Of as many channels; a single number stands for all, and what is None is 0 or 1. None for two of None."""
        if mean is None and std is None:
            return None
        means, stds = (0.0,) if mean is None else mean, (1.0,) if std is None else std
        for name, given in (("mean", means), ("std", stds)):
            if len(given) not in (1, channels):
                raise CodesignError(
                    f"the data's {name} has {len(given)} numbers, the images have {channels} channels",
                    "give one for each channel, or a single one for all",
                )
        full = (tuple(map(float, given)) * (channels // len(given)) for given in (means, stds))
        return cls(*full)

    def apply(self, pixels_NCHW: Tensor) -> Tensor:
        """The network's inputs for pixels in [0, 1]."""
        mean, std = self._columns()
        return (pixels_NCHW - mean) / std

    def invert(self, inputs_NCHW: Tensor) -> Tensor:
        """The pixels of a network's inputs, up to rounding."""
        mean, std = self._columns()
        return (inputs_NCHW * std + mean).clamp(0, 1)

    def in_range(self, least: Tensor, largest: Tensor) -> bool:
        """Whether inputs between these bounds, one of each for every channel, are of pixels in [0, 1]."""
        mean, std = (column.flatten() for column in self._columns())
        ends = torch.stack([least * std + mean, largest * std + mean])
        return bool((ends > -ROUNDING).all() and (ends < 1 + ROUNDING).all())

    def _columns(self) -> tuple[Tensor, Tensor]:
        mean, std = (torch.tensor(values, dtype=torch.float32)[:, None, None] for values in (self.mean, self.std))
        return mean, std
