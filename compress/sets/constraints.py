"""Constraint sets of ADMM: each is an object with a Euclidean projection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from compress.base.errors import CodesignError
from compress.model.layer import MAX_WEIGHT_BITS, largest_level
from compress.sets.intervals import best_interval
from compress.sets.selection import largest_positions

__all__ = ["Cardinality", "ConstraintSet", "Levels", "LevelsOrZero", "search_interval"]


class ConstraintSet(Protocol):
    """A set that weights must end in; its projection is all that ADMM uses."""

    def project(self, weights: Tensor) -> Tensor:
        """The member of the set closest to ``weights``: argmin over Z of ||weights - Z||_F (003 eq. (7)).

        Shape and dtype stay, ``weights`` is not changed, and of equally close members the same one is always chosen.
        """


@dataclass(frozen=True)
class Cardinality:
    """At most ``count`` nonzero weights (003 section 3.3): the largest magnitudes stay, the others become zero.

    >>> Cardinality(2).project(torch.tensor([3.0, -1.0, 2.0]))
    tensor([3., 0., 2.])
    """

    count: int

    def __post_init__(self) -> None:
        if self.count < 0:
            raise CodesignError(f"a layer cannot keep {self.count} weights", "keep zero or more")

    def project(self, weights: Tensor) -> Tensor:
        """Zero all but the ``count`` largest magnitudes; of equal ones the first in C order stay."""
        return torch.where(largest_positions(weights, self.count), weights, torch.zeros_like(weights))


@dataclass(frozen=True, eq=False)
class Levels:
    """Equal-distance levels without zero: {-M/2 q .. -q, q .. M/2 q}, M = 2**weight_bits (003 section 3.4.2).

    Pruned weights stay zero. They are those that ``mask`` says, so that a kept weight gets a level even if it is
    0.0; without a mask they are those that are exactly zero.

    >>> Levels(weight_bits=2, interval=0.5).project(torch.tensor([0.1, -0.8, 0.0, 7.0]))
    tensor([ 0.5000, -1.0000,  0.0000,  1.0000])
    """

    weight_bits: int
    interval: float
    mask: Tensor | None = None

    def __post_init__(self) -> None:
        _check_weight_bits(self.weight_bits)
        if not 0 < self.interval < float("inf"):
            raise CodesignError(f"interval must be positive and finite, not {self.interval}", "search it again")

    def project(self, weights: Tensor) -> Tensor:
        """Every kept weight's closest level times q, the larger magnitude of two equally close."""
        return self.levels(weights).to(weights.dtype) * self.interval

    def levels(self, weights: Tensor) -> Tensor:
        """The projection's levels: int16, 0 where pruned, else -M/2..-1 or 1..M/2. A kept 0.0 gets level 1."""
        steps = torch.floor(weights.detach().abs().double() / self.interval + 0.5)
        magnitudes = steps.clamp(1, largest_level(self.weight_bits)).to(torch.int16)
        kept = weights != 0 if self.mask is None else self.mask
        return torch.where(kept, torch.where(weights < 0, -magnitudes, magnitudes), torch.zeros_like(magnitudes))


@dataclass(frozen=True)
class LevelsOrZero:
    """The levels of ``Levels``, and zero: what quantization asks of a weight that may still be pruned (000 eq. (3)).

    In the joint form a weight must lie in this set and in a cardinality set, whose zeros ``Levels`` would forbid.

    >>> LevelsOrZero(weight_bits=2, interval=0.5).project(torch.tensor([0.1, -0.8, 0.3, 7.0]))
    tensor([ 0.0000, -1.0000,  0.5000,  1.0000])
    """

    weight_bits: int
    interval: float

    def __post_init__(self) -> None:
        Levels(self.weight_bits, self.interval)

    def project(self, weights: Tensor) -> Tensor:
        """Every weight's closest of zero and the levels times q, the larger magnitude of two equally close."""
        steps = torch.floor(weights.detach().abs().double() / self.interval + 0.5)
        magnitudes = steps.clamp(0, largest_level(self.weight_bits)).to(weights.dtype)
        return torch.where(weights < 0, -magnitudes, magnitudes) * self.interval


def search_interval(weights: Tensor, weight_bits: int) -> float:
    """The q with the least squared error sum |w - f(w)|^2 over the nonzero weights (``best_interval``)."""
    _check_weight_bits(weight_bits)
    return best_interval(weights, np.arange(1, largest_level(weight_bits) + 1))


def _check_weight_bits(weight_bits: int) -> None:
    if not 1 <= weight_bits <= MAX_WEIGHT_BITS:
        raise CodesignError(f"weight_bits must be 1..{MAX_WEIGHT_BITS}, not {weight_bits}", "choose fewer or more bits")
