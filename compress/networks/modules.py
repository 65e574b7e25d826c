"""What torch modules and functions mean to the chain: sizes as pairs, paddings, poolings, names for messages."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from compress.base.errors import CodesignError
from compress.model.pool import Pool, PoolKind

__all__ = ["as_module", "conv_padding", "label", "pair", "pool_of"]

RELU_FUNCTIONS = (torch.relu, functional.relu)
DROPOUTS = (
    functional.dropout,
    functional.dropout1d,
    functional.dropout2d,
    functional.dropout3d,
    functional.alpha_dropout,
    functional.feature_alpha_dropout,
)


def as_module(node: fx.Node) -> nn.Module | None:
    """The module that does what a function or method call in ``forward`` does."""
    if node.target in (*RELU_FUNCTIONS, "relu"):
        return nn.ReLU()
    if node.target is functional.max_pool2d:
        return nn.MaxPool2d(*node.args[1:], **node.kwargs)  # type: ignore[arg-type]
    if node.target is functional.avg_pool2d:
        return nn.AvgPool2d(*node.args[1:], **node.kwargs)  # type: ignore[arg-type]
    if node.target in DROPOUTS:
        return _dropout(node)
    return nn.Identity() if node.target == "contiguous" else None


def _dropout(node: fx.Node) -> nn.Module:
    """Nothing in evaluation, where the graph was traced, or at p = 0; a CodesignError where activations are dropped."""
    assert callable(node.target)
    call = inspect.signature(node.target).bind(*node.args, **node.kwargs)
    call.apply_defaults()
    if call.arguments["training"] and call.arguments["p"] != 0:
        raise CodesignError(
            f"{node.name!r} drops activations in evaluation too: the network is random",
            "write functional.dropout(x, p, training=self.training), or use nn.Dropout",
        )
    return nn.Identity()


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
