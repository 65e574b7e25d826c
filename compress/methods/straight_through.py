"""Training with weights that are on their levels in every forward pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from compress.sets.constraints import ConstraintSet

__all__ = ["keep_order", "on_levels"]


@contextmanager
def on_levels(network: nn.Module, sets: Mapping[str, ConstraintSet]) -> Iterator[None]:
    """Weights of the layers in ``sets`` are read as their projections; gradients move what is behind them.

    The gradient of a projection counts as 1 (the straight-through estimator: Bengio et al., arXiv 1308.3432;
    BinaryConnect, NIPS 2015). At the end each weight is its projection, bit for bit.
    """
    for name, target in sets.items():
        parametrize.register_parametrization(network.get_submodule(name), "weight", _Projected(target), unsafe=True)
    try:
        yield
    finally:
        for name in sets:
            module = network.get_submodule(name)
            parametrize.remove_parametrizations(module, "weight")
            keep_order(module)


def keep_order(module: nn.Module) -> None:
    """Put a layer's bias behind its weight, which torch put last: a network's order of parameters is in its digest."""
    bias = module.bias
    del module.bias
    module.register_parameter("bias", bias)  # type: ignore[arg-type]


class _Projected(nn.Module):
    """A weight that is read as its projection."""

    def __init__(self, target: ConstraintSet) -> None:
        super().__init__()
        self._target = target

    def forward(self, weight: Tensor) -> Tensor:
        projected: Tensor = _StraightThrough.apply(weight, self._target)  # type: ignore[no-untyped-call]
        return projected


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, target: ConstraintSet) -> Tensor:
        return target.project(weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None
