"""Training images moved by a few pixels and mirrored, at random."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.networks.evaluation_mode import evaluation_mode

__all__ = ["Moves", "augmented", "views_activations"]


@dataclass(frozen=True)
class Moves:
    """How far each image of a batch is moved, and which ones are mirrored.

    Members
    -------
    shift : int
        The largest move, in pixels.
    offsets : int64 (2, N, 1), optional
        Moves down and to the right, plus ``shift``; None moves nothing.
    flips : int64 (N,), optional
        1 for an image that is mirrored left to right; None mirrors nothing.
    """

    shift: int
    offsets: Tensor | None
    flips: Tensor | None

    @classmethod
    def drawn(cls, count: int, shift: int, flip: bool) -> Moves:
        """Random ones for ``count`` images."""
        offsets = torch.randint(0, 2 * shift + 1, (2, count, 1)) if shift else None
        return cls(shift, offsets, torch.randint(0, 2, (count,)) if flip else None)

    def mapped(self, function: Callable[[Tensor], Tensor]) -> Moves:
        """With each tensor replaced by what a function makes of it."""
        offsets, flips = (None if part is None else function(part) for part in (self.offsets, self.flips))
        return Moves(self.shift, offsets, flips)

    def of(self, part: slice) -> Moves:
        """Those of some of the images."""
        offsets = None if self.offsets is None else self.offsets[:, part]
        return Moves(self.shift, offsets, None if self.flips is None else self.flips[part])

    def apply(self, images_NCHW: Tensor) -> Tensor:
        """The images so moved, zeros moving in, and then mirrored; moved ones lie with the channels last."""
        if self.offsets is not None:
            images_NCHW = _shifted(images_NCHW, self.shift, self.offsets)
        if self.flips is not None:
            images_NCHW = torch.where(self.flips[:, None, None, None] == 1, images_NCHW.flip(3), images_NCHW)
        return images_NCHW


def augmented(images: Tensor, augment_shift: int, augment_flip: bool = False) -> Tensor:
    """Images as ``train_epoch`` augments them, laid out with the columns last."""
    moved = Moves.drawn(len(images), augment_shift, augment_flip).apply(images)
    return moved.contiguous() if augment_shift else moved


def views_activations(network: nn.Module, images: Tensor, shift: int) -> bool:
    """Whether ``x.view`` in the network refuses images as ``Moves.apply`` lays them out.

    Only such a network gets them laid out anew: in another layout convolutions add in another order, and the same seed
    would give other weights.
    """
    shifted = _shifted(images, shift, torch.zeros(2, len(images), 1, dtype=torch.int64))
    with torch.no_grad(), evaluation_mode(network):
        try:
            network(shifted.to(next(network.parameters()).device))
        except RuntimeError:
            return True
    return False


def _shifted(images_NCHW: Tensor, shift: int, offsets: Tensor) -> Tensor:
    """Each image moved by its own offset, ``offsets`` int64 (2, N, 1) in 0..2 * shift, zeros moving in."""
    count, _, height, width = images_NCHW.shape
    padded = functional.pad(images_NCHW, (shift,) * 4)
    rows, columns = offsets[0] + torch.arange(height), offsets[1] + torch.arange(width)
    picked = padded[torch.arange(count)[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return picked.permute(0, 3, 1, 2)
