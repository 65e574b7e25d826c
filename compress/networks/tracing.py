"""The operations of a network's ``forward`` as it runs in evaluation, called with the images alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import fx, nn

from compress.base.errors import CodesignError
from compress.networks.checks import check_plain
from compress.networks.wrappers import called

__all__ = ["evaluation_mode", "trace"]

LEAVES = (nn.Conv2d, nn.Linear, nn.BatchNorm1d, nn.BatchNorm2d)


def trace(network: nn.Module) -> fx.Graph:
    """The operations of ``forward`` in evaluation mode; the network may be on torch's meta device.

    Raises
    ------
    CodesignError
        The network is not plain, or cannot be traced.
    """
    check_plain(network, meta=True)
    with evaluation_mode(network):
        try:
            return _Tracer().trace(network)
        except Exception as error:  # fx raises what the user's forward raises under tracing
            raise CodesignError(
                f"the network cannot be traced: {error}", "keep Python control flow on tensors out of forward()"
            ) from error


class _Tracer(fx.Tracer):
    """Traces the call that runs, ``network(images)``: other arguments of ``forward`` keep their defaults."""

    def create_args_for_root(
        self, root_fn: Callable[..., Any], is_module: bool, concrete_args: Any = None
    ) -> tuple[Callable[..., Any], list[Any]]:
        name = list(inspect.signature(root_fn).parameters)[1]
        return root_fn, [self.root, self.create_proxy("placeholder", name, (), {})]

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Also the user's subclasses of layers; ``check_plain`` made sure that they run torch's ``forward``."""
        return isinstance(m, LEAVES) or super().is_leaf_module(m, module_qualified_name)


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
