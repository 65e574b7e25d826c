"""The gradient of ADMM's penalty, sum rho_i/2 ||W_i - Z_i + U_i||_F^2, for the optimizer that takes the W-step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from compress.admm.split_variables import SplitVariable

__all__ = ["Penalty"]


class Penalty:
    """Adds rho_i W_i - rho_i (Z_i - U_i) to the weights' gradients, whatever the optimizer makes of a gradient.

    The second part is constant until the next Z-step. The first part is a weight decay: SGD and Adam add
    ``weight_decay * weight`` to the gradient in their own pass over the weights, which is the same numbers for less
    time. Where the decay is decoupled from the gradient (AdamW), in use, or another optimizer's, the gradient is
    computed here in full, and the optimizer's own decay stays what it is. Several constraints on one weight, as in
    000 eq. (5), add up.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Of ``parameter_groups``, before its first step.
    """

    def __init__(self, variables: Sequence[SplitVariable], optimizer: torch.optim.Optimizer) -> None:
        self._variables = variables
        self._optimizer = optimizer
        self._by_decay = [_adds_decay_to_gradient(optimizer, group) for group in optimizer.param_groups]

    @torch.no_grad()
    def gradient(self, rho: float) -> Callable[[], None]:
        """What adds the gradient to the weights' gradients before a step, until the next Z-step."""
        constants = self._constants(rho)
        decayed: list[tuple[list[Tensor], float]] = []
        for group, by_decay in zip(self._optimizer.param_groups, self._by_decay, strict=True):
            if by_decay:
                group["weight_decay"] = rho * group["penalty"]
            elif group["penalty"]:
                decayed.append((group["params"], rho * group["penalty"]))

        @torch.no_grad()
        def add() -> None:
            if constants:
                torch._foreach_add_(_gradients(constants), list(constants.values()))
            for parameters, factor in decayed:
                torch._foreach_add_(_gradients(parameters), parameters, alpha=factor)

        return add

    def _constants(self, rho: float) -> dict[nn.Parameter, Tensor]:
        """The part -rho_i (Z_i - U_i) of each weight."""
        constants: dict[nn.Parameter, Tensor] = {}
        for variable in self._variables:
            for parameter, target in variable.targets():
                if parameter.requires_grad:
                    constant = target * (-rho * variable.constraint.penalty)
                    constants[parameter] = constants[parameter] + constant if parameter in constants else constant
        return constants


def _adds_decay_to_gradient(optimizer: torch.optim.Optimizer, group: dict[str, Any]) -> bool:
    """Whether ``weight_decay`` of a group is unused, and would be added to the gradient before all else.

    Subclasses may do otherwise: AdamW is one of Adam.
    """
    coupled = type(optimizer) is torch.optim.SGD or (
        type(optimizer) is torch.optim.Adam and not group["decoupled_weight_decay"]
    )
    return coupled and group["weight_decay"] == 0


def _gradients(parameters: Iterable[Tensor]) -> list[Tensor]:
    """The parameters' gradients, zeros where there is none yet."""
    gradients = []
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        gradients.append(parameter.grad)
    return gradients
