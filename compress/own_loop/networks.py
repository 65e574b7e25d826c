"""The network that a loop trains: out of torch's wrappers, with weights that are plain parameters of an optimizer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import nn
from torch.optim import Optimizer

from compress.admm.split_variables import Constraint
from compress.base.errors import CodesignError
from compress.networks.computed_weights import check_weights_are_parameters
from compress.networks.tensors import check_initialized, check_tensors
from compress.networks.wrappers import INSIDE, wrapper_of

__all__ = ["check_trained", "network_inside", "optimizers_of"]

SEE_THROUGH = ("DataParallel", "DistributedDataParallel", "OptimizedModule")
"""Wrappers that train the very parameters of the network inside."""


def network_inside(model: nn.Module) -> nn.Module:
    """The network that data parallelism or torch.compile wraps, after checking its parameters and buffers.

    Layers have their names in this network, without ``module.`` or ``_orig_mod.``. The loop may have hooks and a
    ``forward`` of any form; these are not looked at.

    Raises
    ------
    CodesignError
        Another wrapper, or parameters that are shared, computed, lazy, not float32 or not finite.
    """
    if not isinstance(model, nn.Module):
        raise CodesignError(f"the model is of type {type(model).__name__}, not a torch.nn.Module", "give the network")
    while (wrapper := wrapper_of(model)) is not None:
        if wrapper not in SEE_THROUGH:
            raise CodesignError(
                f"the model is wrapped in torch's {wrapper}, which keeps its weights elsewhere",
                "use DistributedDataParallel, or give the network that is trained",
            )
        model = getattr(model, INSIDE[wrapper])
    check_initialized(model)
    check_weights_are_parameters(model)
    check_tensors(model, meta=False)
    return model


def optimizers_of(given: object) -> tuple[Optimizer, ...]:
    """One optimizer or several; a CodesignError for anything else."""
    optimizers = tuple(given) if isinstance(given, list | tuple) else (given,)
    if not optimizers or not all(isinstance(each, Optimizer) for each in optimizers):
        raise CodesignError(
            f"the optimizer is {type(given).__name__}, not a torch.optim.Optimizer or a list of them",
            "give the optimizer whose step() the loop calls",
        )
    return optimizers


def check_trained(network: nn.Module, constraints: Iterable[Constraint], optimizers: Sequence[Optimizer]) -> None:
    """Raise a CodesignError for a constrained weight that no optimizer trains."""
    trained = {parameter for each in optimizers for group in each.param_groups for parameter in group["params"]}
    for constraint in constraints:
        for layer, weight in zip(constraint.layers, constraint.weights(network), strict=True):
            if weight not in trained or not weight.requires_grad:
                raise CodesignError(
                    f"layer {layer!r} is constrained, and its weight is "
                    + ("in no optimizer" if weight.requires_grad else "frozen"),
                    "give the optimizer whose step() moves it, or leave the layer out of the target",
                )
