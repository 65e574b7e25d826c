"""What torch modules and functions mean to the chain: sizes as pairs, paddings, poolings, names for messages."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from compress.base.errors import CodesignError
from compress.model.layer import Pool, PoolKind

__all__ = ["as_module", "conv_padding", "label", "pair", "pool_of", "trace"]

RELU_FUNCTIONS = (torch.relu, functional.relu)


def trace(network: nn.Module) -> fx.Graph:
    """The operations of ``forward``; a CodesignError where it cannot be traced."""
    try:
        return fx.Tracer().trace(network)
    except Exception as error:  # fx raises what the user's forward raises under tracing
        raise CodesignError(
            f"the network cannot be traced: {error}", "keep Python control flow on tensors out of forward()"
        ) from error


def as_module(node: fx.Node) -> nn.Module | None:
    """The module that does what a function or method call in ``forward`` does."""
    if node.target in (*RELU_FUNCTIONS, "relu"):
        return nn.ReLU()
    if node.target in (torch.flatten, "flatten"):
        dimensions: dict[str, Any] = dict(zip(("start_dim", "end_dim"), node.args[1:], strict=False))
        return nn.Flatten(**{"start_dim": 0, **dimensions, **node.kwargs})
    if node.target is functional.max_pool2d:
        return nn.MaxPool2d(*node.args[1:], **node.kwargs)  # type: ignore[arg-type]
    if node.target is functional.avg_pool2d:
        return nn.AvgPool2d(*node.args[1:], **node.kwargs)  # type: ignore[arg-type]
    if node.target is functional.dropout:
        return nn.Dropout()
    return None


def pair(size: Any) -> tuple[int, int]:
    """A size as torch gives it, one number or two, as (rows, columns)."""
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def conv_padding(name: str, module: nn.Conv2d) -> tuple[int, int]:
    """Rows and columns of zeros on each side; a CodesignError where the sides differ."""
    if module.padding == "valid":
        return 0, 0
    if module.padding != "same":
        return pair(module.padding)
    rows, columns = pair(module.kernel_size)
    if rows % 2 == 0 or columns % 2 == 0:
        raise CodesignError(f"{name!r} pads an even kernel unequally", "use an odd kernel or a numeric padding")
    return rows // 2, columns // 2


def pool_of(node: fx.Node, module: nn.MaxPool2d | nn.AvgPool2d) -> Pool:
    """The array's pooling; a CodesignError for settings it does not have."""
    maximum = isinstance(module, nn.MaxPool2d)
    special = pair(module.dilation) != (1, 1) or module.return_indices if maximum else module.divisor_override
    if pair(module.padding) != (0, 0) or module.ceil_mode or special:
        raise CodesignError(f"{label(node)} uses padding or another special setting", "use plain pooling")
    kind = PoolKind.MAX if maximum else PoolKind.AVERAGE
    return Pool(kind, pair(module.kernel_size), pair(module.stride))


def label(node: fx.Node) -> str:
    """What messages call an operation."""
    named = {"placeholder": "the input", "output": "the output", "call_module": repr(str(node.target))}
    return named.get(node.op, repr(node.name))
