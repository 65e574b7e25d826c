"""The arguments of an aten operation by name, defaults included: activations apart from everything else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx

__all__ = ["Arguments", "plain", "read_arguments"]


@dataclass(frozen=True)
class Arguments:
    """What an operation is called with.

    Members
    -------
    operands : dict of str to tuple of fx.Node
        Tensors, by argument: one, or several where a list of tensors is meant.
    others : dict
        Numbers, booleans, strings, None and tuples of them, by argument.
    """

    operands: dict[str, tuple[fx.Node, ...]]
    others: dict[str, Any]


def read_arguments(node: fx.Node) -> Arguments:
    """Of a call of an aten operation."""
    assert isinstance(node.target, torch._ops.OpOverload)
    operands: dict[str, tuple[fx.Node, ...]] = {}
    others: dict[str, Any] = {}
    for name, value in _bound(node.target, node.args, node.kwargs):
        if isinstance(value, fx.Node):
            operands[name] = (value,)
        elif isinstance(value, list | tuple) and value and all(isinstance(each, fx.Node) for each in value):
            operands[name] = tuple(value)
        else:
            others[name] = plain(value)
    return Arguments(operands, others)


def _bound(target: torch._ops.OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for place, argument in enumerate(target._schema.arguments):
        if place < len(args) and not argument.kwarg_only:
            yield argument.name, args[place]
        elif argument.name in kwargs:
            yield argument.name, kwargs[argument.name]
        else:
            yield argument.name, argument.default_value


def plain(value: Any) -> Any:
    """Lists as tuples; dtypes and the like as their names."""
    if isinstance(value, list | tuple):
        return tuple(plain(each) for each in value)
    if isinstance(value, Tensor) or not isinstance(value, bool | int | float | str | None):
        return str(value)
    return value
