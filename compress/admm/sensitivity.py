"""How strongly the loss reacts to each weight: the metric in which a projection may compare weights."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from compress.admm.split_variables import Constraint, Sensitivity
from compress.data.datasets import Split

__all__ = ["measure_sensitivity", "sensitivity_for"]

IMAGES = 4096
BATCH = 32


def measure_sensitivity(network: nn.Module, split: Split) -> Sensitivity:
    """Of every trained parameter the root mean square g of its loss gradients over batches of 32.

    (w g)^2 estimates, up to a factor, the loss that pruning w costs: the diagonal of the Fisher information stands
    for the Hessian's in optimal brain damage (LeCun et al. 1990). w^2 g is the same in the metric of Adam, which
    divides gradients by g. The first 4,096 images of the split are measured as they are, by every process alike; the
    network is left in evaluation mode.
    """
    network.eval()
    device = next(network.parameters()).device
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    squares = [torch.zeros_like(parameter) for parameter in trained]
    starts = range(0, min(IMAGES, len(split)), BATCH)
    for start in starts:
        images, labels = split.images[start : start + BATCH], split.labels[start : start + BATCH]
        loss = split.task.mean_loss(network, images.to(device), labels.to(device))
        gradients = torch.autograd.grad(loss, trained, materialize_grads=True)
        torch._foreach_addcmul_(squares, gradients, gradients)
    return {parameter: square.div_(len(starts)).sqrt_() for parameter, square in zip(trained, squares, strict=True)}


def sensitivity_for(constraints: Iterable[Constraint], network: nn.Module, split: Split) -> Sensitivity | None:
    """Measured if a constraint asks for it, else None."""
    return measure_sensitivity(network, split) if any(constraint.saliency for constraint in constraints) else None
