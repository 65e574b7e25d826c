"""Calls that a layer can take over without changing what they compute: plain ReLU, and pooling without padding."""

from __future__ import annotations

from compress.model.ops.op import Call
from compress.model.pool import Pool, PoolKind

__all__ = ["PLAIN_RELUS", "plain_pool"]

PLAIN_RELUS = frozenset({"aten.relu.default", "aten.relu_.default"})
GLOBAL = "aten.adaptive_avg_pool2d.default"
KINDS = {"aten.max_pool2d.default": PoolKind.MAX, "aten.avg_pool2d.default": PoolKind.AVERAGE}


def plain_pool(call: Call) -> Pool | None:
    """Pooling of a map without padding, or None."""
    if call.target == GLOBAL and len(call.shape) == 3 and call.shape[1:] == (1, 1):
        _, height, width = call.input_shapes[0]
        return Pool(PoolKind.AVERAGE, (height, width), (height, width))
    kind = KINDS.get(call.target)
    arguments = call.arguments
    if kind is None or len(call.shape) != 3 or any(arguments["padding"]) or arguments["ceil_mode"]:
        return None
    if arguments.get("divisor_override") is not None or any(step != 1 for step in arguments.get("dilation", ())):
        return None
    kernel = _pair(arguments["kernel_size"])
    stride = _pair(arguments["stride"]) if arguments["stride"] else kernel
    return Pool(kind, kernel, stride)


def _pair(size: tuple[int, ...]) -> tuple[int, int]:
    return size[0], size[-1]
