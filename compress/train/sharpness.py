"""Sharpness-aware steps: the gradient where the loss nearby is largest (SAM; in ADMM's W-step SAFE, ICML 2025)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

__all__ = ["at_sharpest"]


@contextmanager
def at_sharpest(network: nn.Module, radius: float) -> Iterator[None]:
    """The weights W + radius * g / ||g|| inside, from the gradients g of the loss at W, and W again afterwards.

    The norm is that of all gradients together. Inside there are no gradients yet: those that a second backward pass
    leaves are for the step at W. Running statistics are those of the first pass.
    """
    trained = [parameter for parameter in network.parameters() if parameter.grad is not None]
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    with torch.no_grad():
        weights = [parameter.clone() for parameter in trained]
        gradients = [parameter.grad for parameter in trained if parameter.grad is not None]
        norm = float(torch.stack([gradient.norm() for gradient in gradients]).norm()) if gradients else 0.0
        if norm > 0:
            torch._foreach_add_(list[Tensor](trained), gradients, alpha=radius / norm)
        for parameter in trained:
            parameter.grad = None
    try:
        yield
    finally:
        with torch.no_grad():
            for parameter, weight in zip(trained, weights, strict=True):
                parameter.copy_(weight)
            for buffer, values in buffers:
                buffer.copy_(values)
