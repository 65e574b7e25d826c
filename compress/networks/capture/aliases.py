"""Operations in place: later readers of a changed tensor read the change."""

from __future__ import annotations

import torch
from torch import fx

from compress.base.errors import CodesignError

__all__ = ["Aliases"]


class Aliases:
    """Which tensors are views of another, as far as operations in place could tell.

    A tensor that is changed whole is its result from then on. One that shares memory with a view is refused, since a
    change of either would show in the other.
    """

    def __init__(self) -> None:
        self._viewed: set[fx.Node] = set()

    def check(self, node: fx.Node) -> None:
        """CodesignError where an operation in place changes a view or a tensor with views."""
        if _views(node):
            self._viewed.update((node, *node.all_input_nodes))
        elif (changed := self.changed(node)) is not None and changed in self._viewed:
            raise CodesignError(
                f"{node.name!r} ({node.target}) works in place on a tensor that shares its memory with another",
                "write it without in place: x = x.relu() instead of x.relu_()",
            )

    @staticmethod
    def changed(node: fx.Node) -> fx.Node | None:
        """The tensor that an operation changes in place, or None."""
        assert isinstance(node.target, torch._ops.OpOverload)
        schema = node.target._schema
        for place, argument in enumerate(schema.arguments):
            if argument.alias_info is not None and argument.alias_info.is_write:
                operand = node.args[place] if place < len(node.args) else node.kwargs.get(argument.name)
                return operand if isinstance(operand, fx.Node) else None
        return None


def _views(node: fx.Node) -> bool:
    """Whether an operation's result shares memory with what it reads, without changing it."""
    assert isinstance(node.target, torch._ops.OpOverload)
    schema = node.target._schema
    return not schema.is_mutable and any(result.alias_info is not None for result in schema.returns)
