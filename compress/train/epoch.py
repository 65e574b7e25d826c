"""One pass over the training images, and the measurement of a network on a split."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.base.errors import CodesignError
from compress.data.datasets import Split
from compress.data.task import Task
from compress.train.augmentation import Moves, views_activations
from compress.train.distributed import add_up, from_first, rank, share_buffers, shared_gradients, world_size
from compress.train.measure import EVALUATION_BATCH, measure
from compress.train.sharpness import at_sharpest

__all__ = [
    "Loss",
    "check_labels",
    "evaluate",
    "smallest_share",
    "steps_per_epoch",
    "train_epoch",
]

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Of images, the network's outputs for them and their labels: the sum over the images."""


def train_epoch(
    network: nn.Module,
    split: Split,
    optimizer: torch.optim.Optimizer,
    batch_size: int,
    augment_shift: int = 0,
    *,
    augment_flip: bool = False,
    bfloat16: bool = False,
    loss_of: Loss | None = None,
    sharpness: float = 0.0,
    pull: Callable[[], None] | None = None,
    after_step: Callable[[], None] | None = None,
) -> float:
    """One pass over a split in random order; the mean loss.

    With several processes each takes every n-th image of a batch, and the step is that of the whole batch.

    Parameters
    ----------
    augment_shift, augment_flip
        As in ``TrainingConfig``.
    bfloat16 : bool
        Compute convolutions and products in bfloat16 (torch's autocast); weights and loss stay float32.
    loss_of : callable, optional
        What is minimized; by default the loss of the split's task.
    sharpness : float
        Each step takes the gradient from so far uphill (``at_sharpest``), at the price of a second pass; 0 does not.
    pull : callable, optional
        Adds the gradient of a penalty to the weights' gradients, after every backward pass.
    after_step : callable, optional
        Changes the weights after every step: puts fixed ones back, or projects.
    """
    network.train()
    shares = _Shares.of_epoch(network, split, augment_shift, augment_flip)
    objective = _Objective(network, split.task, loss_of, bfloat16)
    total = torch.zeros((), device=shares.device)
    for batch in _batches(from_first(torch.randperm(len(split))), batch_size):
        optimizer.zero_grad()
        share = shares.of(batch)
        total += objective.backward(share, len(batch)) * len(batch)
        if sharpness:
            with at_sharpest(network, sharpness):
                objective.backward(share, len(batch))
        if pull is not None:
            pull()
        optimizer.step()
        if after_step is not None:
            after_step()
    share_buffers(network)
    return _mean(total, len(split))


@dataclass(frozen=True)
class _Shares:
    """What a process trains on of each batch: its images, moved and mirrored at random, on the network's device."""

    split: Split
    device: torch.device
    shift: int
    flip: bool
    laid_out: bool

    @classmethod
    def of_epoch(cls, network: nn.Module, split: Split, shift: int, flip: bool) -> _Shares:
        """Images are moved only where targets are labels; laid out anew only where the network needs it."""
        if not split.task.classes:
            shift, flip = 0, False
        laid_out = shift > 0 and views_activations(network, split.images[:2], shift)
        return cls(split, next(network.parameters()).device, shift, flip, laid_out)

    def of(self, batch: Tensor) -> tuple[Tensor, Tensor] | None:
        """Images and labels of a batch, int64 (N,) of numbers; None where it has none for this process."""
        moves = Moves.drawn(len(batch), self.shift, self.flip).mapped(from_first)
        part = slice(rank(), None, world_size())
        mine = batch[part]
        if not len(mine):
            return None
        images = moves.of(part).apply(self.split.images[mine])
        if self.laid_out:
            images = images.clone(memory_format=torch.contiguous_format)
        return images.to(self.device), self.split.labels[mine].to(self.device)


@dataclass(frozen=True)
class _Objective:
    """What an epoch minimizes."""

    network: nn.Module
    task: Task
    loss_of: Loss | None
    bfloat16: bool

    def backward(self, share: tuple[Tensor, Tensor] | None, whole: int) -> Tensor:
        """Leave the gradients of a batch of ``whole`` images, of all processes; this process's part of the loss."""
        loss = torch.zeros((), device=next(self.network.parameters()).device)
        if share is not None:
            loss = self._loss(*share) / whole
            loss.backward()
        shared_gradients(self.network.parameters())
        return loss.detach()

    def _loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """The sum over the images."""
        with _autocast(images.device, self.bfloat16):
            if self.loss_of is None:
                return self.task.total_loss(self.network, images, labels)
            return self.loss_of(images, self.network(images), labels)


def _mean(total: Tensor, images: int) -> float:
    """The mean loss of an epoch, of the sums of all processes."""
    (loss_sum,) = add_up(float(total))
    if not math.isfinite(loss_sum):
        raise CodesignError("training diverged: the loss is not finite", "lower the learning rate")
    return loss_sum / images


def steps_per_epoch(images: int, batch_size: int) -> int:
    """How many steps ``train_epoch`` takes."""
    return len(_batches(torch.arange(images), batch_size))


def _autocast(device: torch.device, bfloat16: bool) -> AbstractContextManager[None]:
    return torch.autocast(device.type, torch.bfloat16) if bfloat16 else nullcontext()


@torch.no_grad()
def evaluate(network: nn.Module, split: Split) -> tuple[float, float]:
    """Mean loss and figure of the split's task: of classification cross-entropy and accuracy (a fraction).

    Several processes share the batches of a classification.
    """
    network.eval()
    task = split.task
    if not task.classes:
        return measure(network, split)
    device = next(network.parameters()).device
    loss, correct = 0.0, 0
    for start in range(rank() * EVALUATION_BATCH, len(split), world_size() * EVALUATION_BATCH):
        labels = split.labels[start : start + EVALUATION_BATCH]
        images = split.images[start : start + EVALUATION_BATCH].to(device)
        logits = network(images)
        check_labels(labels, logits.shape[1])
        labels = labels.to(device)
        if task.is_usual:
            loss += functional.cross_entropy(logits, labels, reduction="sum").item()
        else:
            loss += task.total_loss(network, images, labels).item()
        correct += int((logits.argmax(dim=1) == labels).sum())
    loss_sum, correct_sum = add_up(loss, correct)
    return loss_sum / len(split), correct_sum / len(split)


def check_labels(labels: Tensor, outputs: int) -> None:
    """Raise a CodesignError for a label that none of the network's outputs stands for."""
    least, largest = int(labels.min()), int(labels.max())
    if least < 0 or largest >= outputs:
        raise CodesignError(
            f"the images have labels {least} to {largest}, the network has {outputs} outputs",
            "give the last layer an output for each class, and count the classes from 0",
        )


def smallest_share(images: int, batch_size: int) -> int:
    """The fewest images, at least one, that a process gets of a batch of ``train_epoch``."""
    sizes = {len(batch) for batch in _batches(torch.arange(images), batch_size)}
    shares = {(size + later) // world_size() for size in sizes for later in range(world_size())}
    return min(share for share in shares if share)


def _batches(order: Tensor, batch_size: int) -> list[Tensor]:
    """Parts of ``batch_size``; a last one of a single image, which has no batch statistics, joins the one before."""
    batches = list(order.split(batch_size))
    if len(batches) > 1 and len(batches[-1]) == 1 < batch_size:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches
