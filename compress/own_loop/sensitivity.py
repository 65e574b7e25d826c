"""The sensitivity of weights, from the gradients that the loop computes anyway."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from compress.admm.split_variables import Sensitivity, SplitVariable

__all__ = ["GradientMeter"]


class GradientMeter:
    """Root mean square of the loss gradient of each weight whose constraint has saliency, over the steps of an epoch.

    ``compress.admm.sensitivity`` measures the same in a pass of its own, over batches of 32.
    """

    def __init__(self, variables: Iterable[SplitVariable]) -> None:
        measured = [parameter for each in variables if each.constraint.saliency for parameter in each.parameters]
        self._squares = {parameter: torch.zeros_like(parameter, requires_grad=False) for parameter in measured}
        self._steps = dict.fromkeys(measured, 0)

    @torch.no_grad()
    def add(self, optimizer: Optimizer, scale: Tensor | None) -> None:
        """Before the penalty is added to the gradients of a step; one that is skipped for its overflow is left out."""
        found_inf = getattr(optimizer, "found_inf", None)
        if not self._squares or (found_inf is not None and bool(found_inf)):
            return
        for parameter in (each for group in optimizer.param_groups for each in group["params"]):
            if parameter in self._squares and parameter.grad is not None:
                gradient = parameter.grad if scale is None else parameter.grad / scale
                self._squares[parameter].addcmul_(gradient, gradient)
                self._steps[parameter] += 1

    def sensitivity(self) -> Sensitivity:
        """Of the steps so far."""
        return {each: (square / max(1, self._steps[each])).sqrt() for each, square in self._squares.items()}

    def state(self, names: Mapping[nn.Parameter, str]) -> dict[str, Any]:
        """For a checkpoint, by the parameters' names."""
        return {names[each]: {"steps": self._steps[each], "squares": self._squares[each]} for each in self._squares}

    @torch.no_grad()
    def load(self, state: Mapping[str, Any], names: Mapping[nn.Parameter, str]) -> None:
        """The inverse of ``state``."""
        for parameter in self._squares:
            part = state[names[parameter]]
            self._steps[parameter] = int(part["steps"])
            self._squares[parameter].copy_(part["squares"])
