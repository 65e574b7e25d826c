"""Can this network be trained on these images? Answered before the first step, by two images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from compress.base.errors import CodesignError
from compress.data.datasets import Dataset, Split
from compress.data.task import Task
from compress.networks.checks import check_plain
from compress.networks.evaluation_mode import evaluation_mode
from compress.train.distributed import world_size
from compress.train.epoch import check_labels, smallest_share
from compress.train.settings import random_state, seeded

__all__ = ["check_trainable"]


def check_trainable(network: nn.Module, dataset: Dataset, batch_size: int) -> None:
    """Raise a CodesignError unless the network is plain and can be trained on the data.

    Beside what ``check_plain`` refuses: nothing to train, a batch normalization that gets a single image, a network
    that does not run on the images, is random in evaluation or returns anything but one finite row of numbers for each
    image, and labels without an output. Of another task than classification outputs may have any shape, and its loss
    and metric are tried.
    """
    check_plain(network)
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise CodesignError("the network has nothing to train: all its parameters are frozen", "unfreeze its layers")
    if not torch.is_grad_enabled():
        raise CodesignError("gradients are switched off", "call this outside of torch.no_grad()")
    _check_batches(network, dataset.train, batch_size)
    task = dataset.task
    with seeded(0), _buffers_kept(network), evaluation_mode(network):
        outputs = _checked_outputs(network, dataset.train.images[:1], "evaluation", task)
        if task.evaluate is not None and not task.classes:
            task.measure(outputs.detach().cpu(), dataset.train.labels[:1])
        network.train()
        _checked_outputs(network, dataset.train.images[:2], "training", task)
        if not task.is_usual:
            _check_loss(network, dataset.train.take(2))
    for split in (dataset.train, dataset.validation, dataset.test):
        if task.classes:
            check_labels(split.labels, outputs.shape[1])


@contextmanager
def _buffers_kept(network: nn.Module) -> Iterator[None]:
    """Running statistics are restored afterwards."""
    before = [buffer.clone() for buffer in network.buffers()]
    try:
        yield
    finally:
        for buffer, values in zip(network.buffers(), before, strict=True):
            buffer.copy_(values)


def _check_batches(network: nn.Module, split: Split, batch_size: int) -> None:
    norms = (name for name, module in network.named_modules() if isinstance(module, nn.modules.batchnorm._BatchNorm))
    name = next(norms, None)
    if name is not None and smallest_share(len(split), batch_size) == 1:
        least = 2 * world_size()
        raise CodesignError(
            f"batch normalization {name!r} would get a batch of one image, which has no statistics",
            f"use a batch_size of {least} or more, and as many images",
        )


def _check_loss(network: nn.Module, split: Split) -> None:
    task, device = split.task, next(network.parameters()).device
    try:
        loss = task.mean_loss(network, split.images.to(device), split.labels.to(device))
    except CodesignError:
        raise
    except Exception as error:  # whatever the user's step raises
        raise CodesignError(
            f"the loss of {task.name} fails: {type(error).__name__}: {error}",
            f"it gets the network, images {tuple(split.images.shape)} and targets {tuple(split.labels.shape)}",
        ) from error
    if not loss.requires_grad:
        raise CodesignError(
            f"the loss of {task.name} depends on no trained parameter", "compute it from network(images) as tensors"
        )
    if not bool(loss.isfinite()):
        raise CodesignError(f"the loss of {task.name} is {loss.item()}", "correct it, or scale the targets")


def _checked_outputs(network: nn.Module, images: Tensor, mode: str, task: Task) -> Tensor:
    """The outputs of the images, after checking that they can be trained on."""
    device, before = next(network.parameters()).device, random_state()
    try:
        outputs: Tensor = network(images.to(device))
    except Exception as error:  # whatever the user's forward raises
        raise CodesignError(
            f"the network cannot run on an image {tuple(images.shape[1:])}: {error}",
            "check its layers against the size of the images",
        ) from error
    same_random_state = all(torch.equal(*states) for states in zip(random_state(), before, strict=True))
    if mode == "evaluation" and not same_random_state:
        raise CodesignError(
            "the network is random in evaluation too",
            "write functional.dropout(x, p, training=self.training), or use nn.Dropout",
        )
    fits = isinstance(outputs, Tensor) and outputs.ndim >= 1 and len(outputs) == len(images)
    if not fits or (task.classes and outputs.ndim != 2):
        given = f"shape {tuple(outputs.shape)}" if isinstance(outputs, Tensor) else f"a {type(outputs).__name__}"
        raise CodesignError(
            f"the network gives {given} for a batch of {len(images)} in {mode}",
            f"return a tensor {'(N, classes)' if task.classes else '(N, ...)'} from forward()",
        )
    if not outputs.requires_grad:
        raise CodesignError("the outputs depend on no trained parameter", "do not detach them, or unfreeze a layer")
    if not bool(outputs.isfinite().all()):
        raise CodesignError("the network's outputs are not finite", "correct its weights and running statistics")
    return outputs
