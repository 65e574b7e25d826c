"""Networks as they run in evaluation: dropout does nothing, and normalizations use their running statistics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from compress.base.errors import CodesignError
from compress.networks.wrappers import called

__all__ = ["evaluation_mode"]


@contextmanager
def evaluation_mode(network: nn.Module) -> Iterator[None]:
    """Every module in evaluation mode inside, and in its own mode afterwards; a CodesignError if one resists."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        for name, module in network.named_modules():
            if module.training:
                raise CodesignError(f"{called(name)} stays in training mode after eval()", "do not override train()")
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
