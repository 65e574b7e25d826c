"""Weights that the user's steps must not move: pruned ones, and those that are on their levels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from compress.train.training import FixedWeights

__all__ = ["HeldWeights"]


class HeldWeights:
    """Keeps weights at the values they have now.

    Their gradients are zeroed before a step and the values put back after it, so that the loss, its clipped gradient
    norm and the optimizer's momentum know nothing of them.

    Parameters
    ----------
    positions : mapping of layer name to bool tensor
        True where the layer's weight is held.
    """

    def __init__(self, network: nn.Module, positions: Mapping[str, Tensor]) -> None:
        weights = {name: network.get_parameter(f"{name}.weight") for name in positions}
        self.positions = {name: mask.to(weights[name].device) for name, mask in positions.items()}
        self._weights = weights
        self._fixed = FixedWeights(network, self.positions)

    @torch.no_grad()
    def zero_gradients(self) -> None:
        """Before a step."""
        for name, mask in self.positions.items():
            if (gradient := self._weights[name].grad) is not None:
                gradient.masked_fill_(mask, 0)

    def restore(self) -> None:
        """After a step."""
        self._fixed.restore()

    @torch.no_grad()
    def forget_momentum(self, optimizers: Iterable[Optimizer]) -> None:
        """Zero what the optimizers remember of the held weights."""
        for optimizer in optimizers:
            for name, mask in self.positions.items():
                for value in optimizer.state.get(self._weights[name], {}).values():
                    if isinstance(value, Tensor) and value.shape == mask.shape:
                        value.masked_fill_(mask, 0)

    def state(self) -> dict[str, Any]:
        """Positions and values by layer."""
        return {
            name: {"positions": mask, "values": torch.where(mask, self._weights[name].detach(), 0)}
            for name, mask in self.positions.items()
        }

    @classmethod
    @torch.no_grad()
    def from_state(cls, network: nn.Module, state: Mapping[str, Any]) -> HeldWeights:
        """The inverse of ``state``; sets the values in the network."""
        for name, part in state.items():
            weight = network.get_parameter(f"{name}.weight")
            held, values = part["positions"].to(weight.device), part["values"].to(weight.device)
            weight.copy_(torch.where(held, values, weight))
        return cls(network, {name: part["positions"] for name, part in state.items()})
