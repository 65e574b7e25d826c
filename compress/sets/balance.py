"""Sparse patterns with equal parts, for hardware that works on the parts at the same time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from compress.base.errors import CodesignError
from compress.sets.selection import largest_in_rows

__all__ = ["GroupCardinality", "InputPattern"]


@dataclass(frozen=True)
class GroupCardinality:
    """At most ``count`` nonzero weights in every part of every filter: equal work for the rows of an array.

    The C input channels of a weight (K, C, R, S) or (K, C) are divided into ``groups`` slices of ceil(C / groups)
    neighbours, the last one shorter or empty; a part is all taps of one filter in one slice. A grouped convolution
    has its C / conv_groups channels per filter divided, a depthwise one is one slice of R x S weights.

    >>> GroupCardinality(1, groups=2).project(torch.tensor([[3.0, -4.0, 1.0, 2.0]]))
    tensor([[ 0., -4.,  0.,  2.]])
    """

    count: int
    groups: int

    def __post_init__(self) -> None:
        if self.count < 0 or self.groups < 1:
            raise CodesignError(
                f"{self.groups} groups cannot keep {self.count} weights each", "keep zero or more in at least one group"
            )

    def project(self, weights: Tensor) -> Tensor:
        """Zero all but the ``count`` largest magnitudes of each part; of equal ones the first in C order stay."""
        flat_KL = _filters(weights)
        filters, channels = weights.shape[:2]
        part = math.ceil(channels / self.groups) * (flat_KL.shape[1] // channels)
        padded = functional.pad(flat_KL, (0, -flat_KL.shape[1] % part)).reshape(-1, part)
        chosen = largest_in_rows(padded, self.count).reshape(filters, -1)[:, : flat_KL.shape[1]]
        return torch.where(chosen, flat_KL, 0).reshape(weights.shape)


@dataclass(frozen=True)
class InputPattern:
    """N:M sparsity: of every ``group`` neighbouring input channels of a filter at one tap, at most ``count`` weights.

    The last group is shorter where C is not a multiple. 2:4 is ``InputPattern(2, 4)``.

    >>> InputPattern(2, 4).project(torch.tensor([[3.0, -4.0, 1.0, 2.0, 0.5]]))
    tensor([[ 3.0000, -4.0000,  0.0000,  0.0000,  0.5000]])
    """

    count: int
    group: int

    def __post_init__(self) -> None:
        if not 0 <= self.count <= self.group or self.group < 1:
            raise CodesignError(f"{self.count}:{self.group} is not a pattern", "keep 0..M of every M >= 1 weights")

    def project(self, weights: Tensor) -> Tensor:
        """Zero all but the ``count`` largest magnitudes of each group; of equal ones the first channels stay."""
        filters, channels = _filters(weights).shape[0], weights.shape[1]
        taps_last = weights.detach().reshape(filters, channels, -1).transpose(1, 2)
        padded = functional.pad(taps_last, (0, -channels % self.group))
        chosen = largest_in_rows(padded.reshape(-1, self.group), self.count).reshape(padded.shape)[..., :channels]
        return torch.where(chosen, taps_last, 0).transpose(1, 2).reshape(weights.shape)


def _filters(weights: Tensor) -> Tensor:
    if weights.ndim < 2:
        raise CodesignError(
            f"a pattern along input channels needs weights (K, C, ...), not {tuple(weights.shape)}",
            "constrain one layer, not several together",
        )
    return weights.detach().reshape(weights.shape[0], -1)
