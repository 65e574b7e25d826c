"""Weights that are computed from others whenever the module runs: what is pruned and saved would be overwritten."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.utils import parametrize

from compress.base.errors import CodesignError
from compress.networks.wrappers import called

__all__ = ["check_weights_are_parameters"]

LAYERS: tuple[type[nn.Module], ...] = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear, nn.modules.batchnorm._NormBase)


def check_weights_are_parameters(network: nn.Module) -> None:
    """Raise a CodesignError for the first layer whose weight or bias is computed instead of stored."""
    for name, module in network.named_modules():
        if isinstance(module, parametrize.ParametrizationList):
            continue  # told with its owner
        if parametrize.is_parametrized(module):
            tensors = list(module.parametrizations)
            _refuse(name, tensors[0], "a parametrization", "torch.nn.utils.parametrize.remove_parametrizations", True)
        for hook in module._forward_pre_hooks.values():
            _check_hook(name, hook)
        for base in LAYERS:
            if isinstance(module, base):
                _check_layer(name, module, base)


def _check_hook(name: str, hook: Any) -> None:
    """The forms of ``torch.nn.utils`` that compute a weight in a hook before ``forward``."""
    source, kind = type(hook).__module__, type(hook).__name__
    if source == "torch.nn.utils.prune":
        _refuse(name, hook._tensor_name, "torch.nn.utils.prune", "torch.nn.utils.prune.remove", True)
    if kind == "WeightNorm":
        _refuse(name, hook.name, "torch.nn.utils.weight_norm", "torch.nn.utils.remove_weight_norm", True)
    if kind == "SpectralNorm":
        _refuse(name, hook.name, "torch.nn.utils.spectral_norm", "torch.nn.utils.remove_spectral_norm", True)


def _check_layer(name: str, module: nn.Module, base: type[nn.Module]) -> None:
    for tensor in ("weight", "bias"):
        if tensor not in module._parameters or getattr(module, tensor) is not module._parameters[tensor]:
            _refuse(name, tensor, "its module", "store it as an nn.Parameter", False)
    changed = [method for method in ("forward", "_conv_forward", "__getattr__") if _overridden(module, base, method)]
    if changed:
        raise CodesignError(
            f"{called(name)} is a {base.__name__} with a {changed[0]}() of its own in {type(module).__name__}",
            f"use {base.__name__} as torch has it",
        )


def _overridden(module: nn.Module, base: type[nn.Module], method: str) -> bool:
    """Whether a class outside torch redefines the method."""
    defining = next((cls for cls in type(module).__mro__ if method in vars(cls)), base)
    return not defining.__module__.startswith("torch.nn.modules")


def _refuse(name: str, tensor: str, source: str, step: str, remove: bool) -> None:
    module = f"network.get_submodule({name!r})" if name else "network"
    raise CodesignError(
        f"the {tensor} of {called(name)} is computed by {source} whenever the module runs",
        f"make it a plain parameter: {step}({module}, {tensor!r})" if remove else step,
    )
