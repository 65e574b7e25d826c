"""Modules that stand for another one, or that do not run their class's ``forward``: tracing sees something else."""

from __future__ import annotations

import inspect

import torch
from torch import nn

from compress.base.errors import CodesignError

__all__ = ["INSIDE", "called", "check_no_wrappers", "wrapper_of"]

INSIDE = {
    "DataParallel": "module",
    "DistributedDataParallel": "module",
    "FullyShardedDataParallel": "module",
    "AveragedModel": "module",
    "OptimizedModule": "_orig_mod",
}
"""Torch's wrappers by class name, with the attribute that holds the network."""

CALLING = ("__call__", "_wrapped_call_impl", "_call_impl", "_slow_forward", "__getattribute__")
"""What Python and torch run before ``forward``, or to find it."""


def called(name: str) -> str:
    """What messages call a module: its name in quotes, or "the network"."""
    return repr(name) if name else "the network"


def check_no_wrappers(network: nn.Module) -> None:
    """Raise a CodesignError for the first module that is a wrapper, TorchScript or quantized by torch, or patched."""
    for name, module in network.named_modules():
        place = f"network.{name}" if name else "network"
        wrapper = wrapper_of(module)
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
        if (replaced := _replaced_method(module)) is not None:
            raise CodesignError(
                f"{called(name)} ({type(module).__name__}) has its own {replaced} and may not run forward() alone",
                "define forward() in the class, and do not replace it, __call__ or another method of torch's",
            )


def wrapper_of(module: nn.Module) -> str | None:
    """The class's name, a key of ``INSIDE``, if a module is one of torch's wrappers around a network."""
    classes = (base for base in type(module).__mro__ if base.__module__.startswith("torch."))
    return next((base.__name__ for base in classes if base.__name__ in INSIDE), None)


def _replaced_method(module: nn.Module) -> str | None:
    """A method of ``CALLING`` that a class outside torch redefines, or a method that the instance replaces."""
    for method in CALLING:
        defining = next((base for base in type(module).__mro__ if method in vars(base)), object)
        if defining is not object and not defining.__module__.startswith("torch."):
            return method
    return next((name for name, value in vars(module).items() if callable(value) and _is_method(module, name)), None)


def _is_method(module: nn.Module, name: str) -> bool:
    """Whether torch defines such a method, or it is ``forward``; other methods of the user's are traced as they run."""
    torchs = (base for base in type(module).__mro__ if base.__module__.startswith("torch."))
    return name == "forward" or any(inspect.isroutine(vars(base).get(name)) for base in torchs)
