"""Learn from the labels and from a network that already knows: the answers of a teacher (Hinton et al. 2015)."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["TEMPERATURE", "Distillation"]

TEMPERATURE = 4.0
"""Divides logits before the softmax, so that the small answers count too."""


class Distillation:
    """The loss (1 - w) cross-entropy + w T^2 KL(teacher || network), both softmaxes at temperature T.

    T^2 keeps the gradients of both parts in proportion. Call it as ``compress.train.epoch.Loss``; the teacher sees the
    same augmented images, in evaluation mode.

    Parameters
    ----------
    teacher : nn.Module
        Copied as it is now, so it may go on to become the network that is trained.
    portion : float
        w, 0..1.
    """

    def __init__(self, teacher: nn.Module, portion: float) -> None:
        self._teacher = copy.deepcopy(teacher).eval().requires_grad_(False)
        self._portion = portion

    def __call__(self, images: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """The sum over the images."""
        with torch.no_grad():
            known = functional.log_softmax(self._teacher(images).float() / TEMPERATURE, dim=1)
        learned = functional.log_softmax(logits.float() / TEMPERATURE, dim=1)
        distance = functional.kl_div(learned, known, reduction="sum", log_target=True) * TEMPERATURE**2
        right = functional.cross_entropy(logits.float(), labels, reduction="sum")
        return (1 - self._portion) * right + self._portion * distance
