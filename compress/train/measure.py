"""The figure of a task that is none of classification: its loss, or a metric of all outputs of a split."""

from __future__ import annotations

import torch
from torch import nn

from compress.base.errors import CodesignError
from compress.data.split import Split

__all__ = ["EVALUATION_BATCH", "measure"]

EVALUATION_BATCH = 100
"""Buffers of larger batches outgrow what glibc's allocator keeps: with 1,000 CIFAR-10 images three quarters of the
time of evaluating a MobileNetV3 went into page faults."""


def measure(network: nn.Module, split: Split) -> tuple[float, float]:
    """Mean loss and figure of a network in evaluation mode; every process measures the whole split alike."""
    task, device = split.task, next(network.parameters(), torch.empty(0)).device
    loss, outputs = 0.0, []
    for start in range(0, len(split), EVALUATION_BATCH):
        images = split.images[start : start + EVALUATION_BATCH].to(device)
        loss += task.total_loss(network, images, split.labels[start : start + EVALUATION_BATCH].to(device)).item()
        if task.evaluate is not None:
            outputs.append(network(images).cpu())
    mean = loss / len(split)
    if task.evaluate is None:
        return mean, mean
    return mean, task.measure(_joined(outputs), split.labels)


def _joined(outputs: list[torch.Tensor]) -> torch.Tensor:
    """Outputs of all batches; a CodesignError if their sizes differ."""
    try:
        return torch.cat(outputs)
    except RuntimeError as error:
        raise CodesignError(
            f"the network's outputs have other shapes in other batches: {error}", "give every image outputs alike"
        ) from error
