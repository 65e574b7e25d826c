"""Reshapes in a traced network: ``x.view(x.size(0), -1)`` and others are recognized by the shapes they give."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import torch
from torch import fx

from compress.base.errors import CodesignError

__all__ = ["is_reshape", "is_size", "reshaped_sample"]

RESHAPES = ("view", "reshape", "flatten", torch.reshape, torch.flatten)
BATCHES = (1, 2, 3)
"""Batch sizes that a reshape is tried on; what is right for each of them keeps samples apart."""

Shapes = Mapping[fx.Node, tuple[int, ...]]
"""Of one sample, by the operation that puts it out."""


def is_reshape(node: fx.Node) -> bool:
    """Whether an operation is one of ``RESHAPES``, as a function or a method."""
    return node.op in ("call_function", "call_method") and node.target in RESHAPES


def is_size(node: fx.Node) -> bool:
    """Whether an operation gives sizes, or numbers computed from sizes, rather than activations."""
    if node.op == "call_method":
        return node.target in ("size", "dim")
    if node.op != "call_function" or not node.all_input_nodes:
        return False
    if node.target is getattr:
        return node.args[1] in ("shape", "ndim")
    return getattr(operator, getattr(node.target, "__name__", ""), None) is node.target and all(
        is_size(source) for source in node.all_input_nodes
    )


def reshaped_sample(node: fx.Node, shapes: Shapes) -> tuple[int, ...]:
    """The shape of one sample after a reshape, found by running it on tensors without values.

    Raises
    ------
    CodesignError
        The reshape does not fit, or mixes samples: its first size is not the batch for every batch.
    """
    source = shapes[node.all_input_nodes[0]]
    found = {_sample(node, shapes, batch) for batch in BATCHES}
    shape = found.pop()
    if found or shape is None:
        raise CodesignError(
            f"{node.name!r} does not give each sample of shape {source} a row of its own",
            "flatten with torch.flatten(x, 1)",
        )
    return shape


def _sample(node: fx.Node, shapes: Shapes, batch: int) -> tuple[int, ...] | None:
    try:
        result: torch.Tensor = _run(node, shapes, batch)
    except RuntimeError:  # the sizes do not fit
        return None
    return tuple(result.shape[1:]) if result.ndim > 1 and result.shape[0] == batch else None


def _value(node: fx.Node, shapes: Shapes, batch: int) -> Any:
    if node in shapes:
        return torch.empty(batch, *shapes[node], device="meta")
    return _run(node, shapes, batch)


def _run(node: fx.Node, shapes: Shapes, batch: int) -> Any:
    args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda source: _value(source, shapes, batch))
    if node.op == "call_method":
        return getattr(args[0], str(node.target))(*args[1:], **kwargs)
    assert callable(node.target)
    return node.target(*args, **kwargs)
