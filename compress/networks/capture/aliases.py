"""Operations in place: later readers of a changed tensor read the change."""

from __future__ import annotations

import torch
from torch import fx

from compress.base.errors import CodesignError

__all__ = ["DROPOUTS", "Aliases"]

DROPOUTS = frozenset(
    f"aten.{name}{in_place}.default"
    for name in ("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout")
    for in_place in ("", "_")
)
"""In evaluation they give back the very tensor that they read."""


class Aliases:
    """Which results are one tensor, and which are views of another, as far as operations in place could tell.

    A tensor that is changed whole is its result from then on, under each of its names. One that shares memory with a
    view is refused, since a change of either would show in the other.
    """

    def __init__(self) -> None:
        self._tensors: dict[fx.Node, list[fx.Node]] = {}
        self._viewed: set[fx.Node] = set()

    def check(self, node: fx.Node) -> None:
        """CodesignError where an operation in place changes a view or a tensor with views."""
        changed = self.changed(node)
        if changed is not None and not self._viewed.isdisjoint(self.same_as(changed)):
            raise CodesignError(
                f"{node.name!r} ({node.target}) works in place on a tensor that shares its memory with another",
                "write it without in place: x = x.relu() instead of x.relu_()",
            )
        if _views(node):
            self.view(node, *node.all_input_nodes)
        elif changed is not None or str(node.target) in DROPOUTS:
            names = self.same_as(changed or node.all_input_nodes[0])
            names.append(node)
            self._tensors[node] = names

    def view(self, *nodes: fx.Node) -> None:
        """Note that these results share memory with others."""
        self._viewed.update(name for node in nodes for name in self.same_as(node))

    def same_as(self, node: fx.Node) -> list[fx.Node]:
        """The results that are the tensor of this one, itself among them."""
        return self._tensors.setdefault(node, [node])

    @staticmethod
    def changed(node: fx.Node) -> fx.Node | None:
        """The tensor that an operation changes in place, or None."""
        assert isinstance(node.target, torch._ops.OpOverload)
        if str(node.target) in DROPOUTS:
            return None
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
