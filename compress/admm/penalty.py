"""The gradient of ADMM's penalty, sum rho_i/2 ||W_i - Z_i + U_i||_F^2, for the optimizer that takes the W-step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from compress.admm.split_variables import SplitVariable, penalty_factors

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
        Before its first step. Weights of others get no gradient here.
    may_decay : bool
        Whether its weight decay may be used, which needs the groups of ``parameter_groups``; else the optimizer's
        settings stay, and its groups are any.
    """

    def __init__(
        self, variables: Sequence[SplitVariable], optimizer: torch.optim.Optimizer, may_decay: bool = True
    ) -> None:
        self._variables = variables
        self._optimizer = optimizer
        self._factors = penalty_factors(variables)
        self._by_decay = [may_decay and _adds_decay_to_gradient(optimizer, group) for group in optimizer.param_groups]

    @torch.no_grad()
    def gradient(self, rho: float) -> Callable[[], None]:
        """What adds the gradient to the weights' gradients before a step, until the next Z-step."""
        return partial(self.scaled_gradient(rho), None)

    @torch.no_grad()
    def scaled_gradient(self, rho: float) -> Callable[[Tensor | None], None]:
        """The same for gradients that a loss scale, the argument unless it is None, has multiplied."""
        constants = self._constants(rho)
        decayed: dict[float, list[Tensor]] = {}
        for group, by_decay in zip(self._optimizer.param_groups, self._by_decay, strict=True):
            if by_decay:
                group["weight_decay"] = rho * group["penalty"]
                continue
            for parameter in group["params"]:
                if parameter.requires_grad and parameter in self._factors:
                    decayed.setdefault(rho * self._factors[parameter], []).append(parameter)

        @torch.no_grad()
        def add(scale: Tensor | None) -> None:
            if constants:
                torch._foreach_add_(_gradients(constants), _scaled(list(constants.values()), scale))
            for factor, parameters in decayed.items():
                torch._foreach_add_(_gradients(parameters), _scaled(parameters, scale), alpha=factor)

        return add

    @torch.no_grad()
    def value(self, rho: float) -> float:
        """The penalty itself, of the weights as they are."""
        total = 0.0
        for variable in self._variables:
            for parameter, target in variable.targets():
                total += rho * variable.constraint.penalty / 2 * float((parameter - target).square().sum())
        return total

    def _constants(self, rho: float) -> dict[nn.Parameter, Tensor]:
        """The part -rho_i (Z_i - U_i) of each weight that the optimizer trains."""
        trained = {parameter for group in self._optimizer.param_groups for parameter in group["params"]}
        constants: dict[nn.Parameter, Tensor] = {}
        for variable in self._variables:
            for parameter, target in variable.targets():
                if parameter.requires_grad and parameter in trained:
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


def _scaled(tensors: list[Tensor], scale: Tensor | None) -> list[Tensor]:
    return tensors if scale is None else list(torch._foreach_mul(tensors, scale))


def _gradients(parameters: Iterable[Tensor]) -> list[Tensor]:
    """The parameters' gradients, zeros where there is none yet."""
    gradients = []
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        gradients.append(parameter.grad)
    return gradients
