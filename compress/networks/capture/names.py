"""Names of calls: a module's own where it does just that call, else torch's."""

from __future__ import annotations

from collections.abc import Container

from torch import fx, nn

from compress.model.compressed_model import INPUT
from compress.networks.layers import Prunable

__all__ = ["Names", "free_name"]


def free_name(wanted: str, taken: Container[str]) -> str:
    """The name, with a number behind it where it is taken."""
    name, count = wanted, 2
    while name in taken:
        name, count = f"{wanted}_{count}", count + 1
    return name


class Names:
    """Gives each of torch's operations a name that no other has, and that no layer has."""

    def __init__(self, network: nn.Module) -> None:
        self._modules = dict(network.named_modules(remove_duplicate=False))
        self._taken = {name for name, module in self._modules.items() if isinstance(module, Prunable)} | {INPUT}

    def of(self, node: fx.Node) -> str:
        """A new name for one operation."""
        name = free_name(self.wanted(node), self._taken)
        self._taken.add(name)
        return name

    def wanted(self, node: fx.Node) -> str:
        """The name of the operation's module, else torch's name for it, be it taken or not."""
        return self._module_of(node) or node.name

    def caller(self, node: fx.Node) -> str:
        """The name of the module whose own ``forward`` runs the operation, empty for the network's."""
        stack = node.meta.get("nn_module_stack") or {}
        return next((name for name, _ in reversed(stack.values())), "")

    def _module_of(self, node: fx.Node) -> str | None:
        """The name of the module of torch's that runs the operation, if it is one."""
        stack = node.meta.get("nn_module_stack") or {}
        for name, _ in reversed(stack.values()):
            module = self._modules.get(name)
            is_torchs = module is not None and type(module).__module__.startswith("torch.nn.modules")
            return name if is_torchs and not isinstance(module, nn.Sequential) else None
        return None
