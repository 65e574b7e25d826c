"""One pass over the training images, and the measurement of a network on a split."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.base.errors import CodesignError
from compress.data.datasets import Split
from compress.networks.tracing import evaluation_mode
from compress.train.distributed import add_up, from_first, rank, share_buffers, shared_gradients, world_size
from compress.train.measure import EVALUATION_BATCH, measure
from compress.train.sharpness import at_sharpest

__all__ = [
    "Loss",
    "augmented",
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
    task = split.task
    if not task.classes:
        augment_shift, augment_flip = 0, False
    device = next(network.parameters()).device
    first, step = rank(), world_size()
    total = torch.zeros((), device=device)
    views = augment_shift > 0 and _views_activations(network, split.images[:2], augment_shift)

    def add_gradients(share: tuple[Tensor, Tensor] | None, whole: int) -> Tensor:
        """Those of a batch of ``whole`` images, of which this process has a share; returns its part of the loss."""
        loss = torch.zeros((), device=device)
        if share is not None:
            images, labels = share
            with _autocast(device, bfloat16):
                if loss_of is None:
                    loss = task.total_loss(network, images, labels) / whole
                else:
                    loss = loss_of(images, network(images), labels) / whole
            loss.backward()
        shared_gradients(network.parameters())
        return loss.detach()

    for batch in _batches(from_first(torch.randperm(len(split))), batch_size):
        optimizer.zero_grad()
        offsets = from_first(_offsets(len(batch), augment_shift)) if augment_shift else None
        flips = from_first(_flips(len(batch))) if augment_flip else None
        mine, share = batch[first::step], None
        if len(mine):
            images = split.images[mine]
            if offsets is not None:
                images = _shifted(images, augment_shift, offsets[:, first::step])
            if flips is not None:
                images = _flipped(images, flips[first::step])
            if views:
                images = images.clone(memory_format=torch.contiguous_format)
            share = images.to(device), split.labels[mine].to(device)
        total += add_gradients(share, len(batch)) * len(batch)
        if sharpness:
            with at_sharpest(network, sharpness):
                add_gradients(share, len(batch))
        if pull is not None:
            pull()
        optimizer.step()
        if after_step is not None:
            after_step()
    share_buffers(network)
    (loss_sum,) = add_up(float(total))
    if not math.isfinite(loss_sum):
        raise CodesignError("training diverged: the loss is not finite", "lower the learning rate")
    return loss_sum / len(split)


def steps_per_epoch(images: int, batch_size: int) -> int:
    """How many steps ``train_epoch`` takes."""
    return len(_batches(torch.arange(images), batch_size))


def augmented(images: Tensor, augment_shift: int, augment_flip: bool = False) -> Tensor:
    """Images as ``train_epoch`` augments them."""
    if augment_shift:
        images = _shifted(images, augment_shift, _offsets(len(images), augment_shift)).contiguous()
    return _flipped(images, _flips(len(images))) if augment_flip else images


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


def _views_activations(network: nn.Module, images: Tensor, shift: int) -> bool:
    """Whether ``x.view`` in the network refuses images as ``_shifted`` lays them out, with the channels last.

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


def _offsets(count: int, shift: int) -> Tensor:
    return torch.randint(0, 2 * shift + 1, (2, count, 1))


def _flips(count: int) -> Tensor:
    return torch.randint(0, 2, (count,))


def _flipped(images_NCHW: Tensor, flips: Tensor) -> Tensor:
    """Mirrored left to right where ``flips``, int64 (N,), is 1."""
    return torch.where(flips[:, None, None, None] == 1, images_NCHW.flip(3), images_NCHW)


def _shifted(images_NCHW: Tensor, shift: int, offsets: Tensor) -> Tensor:
    """Each image moved by its own offset, ``offsets`` int64 (2, N, 1) in 0..2 * shift, zeros moving in."""
    count, _, height, width = images_NCHW.shape
    padded = functional.pad(images_NCHW, (shift,) * 4)
    rows, columns = offsets[0] + torch.arange(height), offsets[1] + torch.arange(width)
    picked = padded[torch.arange(count)[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return picked.permute(0, 3, 1, 2)
