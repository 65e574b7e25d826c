"""Modules that stand for another one, or whose ``forward`` is not that of their class: tracing sees something else."""

from __future__ import annotations

import torch
from torch import nn

from compress.base.errors import CodesignError

__all__ = ["called", "check_no_wrappers"]

INSIDE = {
    "DataParallel": "module",
    "DistributedDataParallel": "module",
    "FullyShardedDataParallel": "module",
    "AveragedModel": "module",
    "OptimizedModule": "_orig_mod",
}
"""Torch's wrappers by class name, with the attribute that holds the network."""


def called(name: str) -> str:
    """What messages call a module: its name in quotes, or "the network"."""
    return repr(name) if name else "the network"


def check_no_wrappers(network: nn.Module) -> None:
    """Raise a CodesignError for the first module that is a wrapper, TorchScript or quantized by torch, or patched."""
    for name, module in network.named_modules():
        place = f"network.{name}" if name else "network"
        wrapper = _wrapper(module)
        if wrapper is not None:
            raise CodesignError(
                f"{called(name)} is wrapped in torch's {wrapper}", f"give the module inside, {place}.{INSIDE[wrapper]}"
            )
        if isinstance(module, torch.jit.ScriptModule):
            raise CodesignError(
                f"{called(name)} is TorchScript, which cannot be traced",
                "give the network from before torch.jit.script or torch.jit.trace",
            )
        if type(module).__module__.startswith(("torch.ao.", "torch.nn.quantized", "torch.nn.qat")):
            raise CodesignError(
                f"{called(name)} is torch's {type(module).__name__}: the network is prepared for torch's quantization",
                "give the float network from before torch.ao.quantization",
            )
        if module._compiled_call_impl is not None:
            raise CodesignError(f"{called(name)} was compiled with compile()", "compile it after it is compressed")
        if "forward" in vars(module) or _has_own_call(type(module)):
            raise CodesignError(
                f"{called(name)} ({type(module).__name__}) does not run its class's forward()",
                "define forward() in the class, and do not replace it or __call__",
            )


def _wrapper(module: nn.Module) -> str | None:
    classes = (base for base in type(module).__mro__ if base.__module__.startswith("torch."))
    return next((base.__name__ for base in classes if base.__name__ in INSIDE), None)


def _has_own_call(kind: type[nn.Module]) -> bool:
    """Whether a class outside torch redefines ``__call__``; torch's ParameterList forbids it."""
    defining = next(base for base in kind.__mro__ if "__call__" in vars(base))
    return not defining.__module__.startswith("torch.")
