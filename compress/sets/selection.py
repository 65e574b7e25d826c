"""The largest magnitudes of a tensor: exactly as many as asked, equal ones by position, in a few passes."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from compress.base.errors import CodesignError

__all__ = ["largest_in_rows", "largest_positions"]

SAMPLE = 1 << 16  # magnitudes that estimate where the threshold lies
SAMPLE_MARGIN = 4  # standard deviations of the estimate; a miss costs time, never the result
WORTH_SAMPLING = 1 << 19  # below, one exact selection is as fast


def largest_positions(weights: Tensor, count: int) -> Tensor:
    """A bool tensor with exactly ``min(count, size)`` positions true: the largest magnitudes, first ones of equals.

    In a large tensor a sorted sample brackets the threshold, so that all but the few magnitudes inside the bracket
    are decided by one comparison; the exact selection runs on those few (Floyd and Rivest's SELECT). "First" is in
    C order, whatever the memory format.
    """
    magnitudes = _magnitudes(weights).reshape(-1)
    if count <= 0 or count >= magnitudes.numel():
        return torch.full(weights.shape, count > 0, dtype=torch.bool, device=weights.device)
    bracket = _bracket(magnitudes, count) if magnitudes.numel() >= WORTH_SAMPLING else None
    chosen = _exactly(magnitudes, count) if bracket is None else _within(magnitudes, count, *bracket)
    return chosen.reshape(weights.shape)


def largest_in_rows(weights_RL: Tensor, count: int) -> Tensor:
    """A bool tensor like ``weights_RL``: the ``min(count, L)`` largest magnitudes of each row, first ones of equals."""
    magnitudes = _magnitudes(weights_RL)
    length = magnitudes.shape[1]
    if count <= 0 or count >= length:
        return torch.full_like(magnitudes, count > 0, dtype=torch.bool)
    threshold = magnitudes.kthvalue(length - count + 1, dim=1, keepdim=True).values
    larger, equal = magnitudes > threshold, magnitudes == threshold
    room = count - larger.sum(dim=1, keepdim=True)
    return larger | (equal & (equal.cumsum(dim=1) <= room))


def _magnitudes(weights: Tensor) -> Tensor:
    magnitudes = weights.detach().abs()
    if magnitudes.numel() and not math.isfinite(float(magnitudes.amax())):  # amax passes a NaN on
        raise CodesignError("a weight is not a finite number", "lower the learning rate and train again")
    return magnitudes


def _bracket(magnitudes: Tensor, count: int) -> tuple[Tensor, Tensor] | None:
    """Two magnitudes between which the ``count``-th largest almost certainly lies; None where that says nothing."""
    size = magnitudes.numel()
    sample = magnitudes[:: size // SAMPLE].sort().values
    rank = (size - count) / size * len(sample)
    margin = SAMPLE_MARGIN * math.sqrt(rank * (1 - rank / len(sample))) + 2
    low, high = math.floor(rank - margin), math.ceil(rank + margin)
    lowest = sample[low] if low >= 0 else magnitudes.new_tensor(-1.0)
    highest = sample[high] if high < len(sample) else magnitudes.new_tensor(torch.inf)
    return None if bool(lowest == highest) else (lowest, highest)


def _within(magnitudes: Tensor, count: int, lowest: Tensor, highest: Tensor) -> Tensor:
    """All above ``highest``, and of those from ``lowest`` to ``highest`` the largest that are missing."""
    chosen = magnitudes > highest
    missing = count - int(chosen.count_nonzero())
    candidates = ((magnitudes >= lowest) ^ chosen).nonzero().squeeze(1)
    if not 0 <= missing <= len(candidates):
        return _exactly(magnitudes, count)
    chosen[candidates[_exactly(magnitudes[candidates], missing)]] = True
    return chosen


def _exactly(magnitudes: Tensor, count: int) -> Tensor:
    """One selection of the threshold, then the first of those equal to it."""
    if count <= 0:
        return torch.zeros_like(magnitudes, dtype=torch.bool)
    threshold = magnitudes.kthvalue(len(magnitudes) - count + 1).values
    chosen = magnitudes > threshold
    equal = (magnitudes == threshold).nonzero().squeeze(1)
    chosen[equal[: count - int(chosen.count_nonzero())]] = True
    return chosen
