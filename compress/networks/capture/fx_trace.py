"""What torch.fx follows of a ``forward``: numbers that it reads from tensors are those of now."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from torch import fx, nn

__all__ = ["fx_trace"]

LEAVES = (nn.Conv2d, nn.Linear, nn.BatchNorm1d, nn.BatchNorm2d)


def fx_trace(network: nn.Module) -> fx.GraphModule:
    """A module that runs what ``network(images)`` runs in its present mode; raises whatever ``forward`` does."""
    return fx.GraphModule(network, _Tracer().trace(network))


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
