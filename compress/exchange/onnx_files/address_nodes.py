"""ONNX's operators that keep scale and zero point: pooling, and what only moves codes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from compress.exchange.onnx_files.node import OnnxNode
from compress.exchange.onnx_files.values import Average
from compress.model.ops.adaptive_average_pool import AdaptiveAveragePool
from compress.model.ops.average_pool import AveragePool
from compress.model.ops.concat import Concat
from compress.model.ops.max_pool import MaxPool
from compress.model.ops.mean import Mean
from compress.model.ops.op import Op
from compress.model.ops.pad import Pad
from compress.model.ops.reshape import Reshape
from compress.model.ops.slice import Slice
from compress.model.ops.transpose import Transpose

__all__ = ["ADDRESS_NODES", "AVERAGE_NODES"]

KEEP_BATCH = "keep the batch as axis 0"
EVEN = "pad all sides alike"


def _shape(node: OnnxNode) -> tuple[int, ...]:
    return node.coded().type.shape


def _axis(node: OnnxNode, axis: int, rank: int = 0) -> int:
    """An axis of a sample."""
    rank = rank or len(_shape(node)) + 1
    place = axis + rank if axis < 0 else axis
    if not 1 <= place < rank:
        raise node.refuse(f"works on axis {axis} of {rank}", KEEP_BATCH)
    return place - 1


def _max_pool(node: OnnxNode) -> Op:
    node.only(auto_pad=("NOTSET", "VALID"), ceil_mode=(0,), storage_order=(0,))
    kernel, stride, padding = _windows(node)
    dilation = node.integers("dilations", (1, 1))
    return MaxPool(kernel, stride, padding, (dilation[0], dilation[-1]))


def _average_pool(node: OnnxNode) -> Op:
    node.only(auto_pad=("NOTSET", "VALID"), ceil_mode=(0,), dilations=([1, 1],))
    kernel, stride, padding = _windows(node)
    counted = bool(node.attributes.get("count_include_pad", 0))
    return AveragePool(kernel, stride, padding, count_padding=counted, zero_point=node.coded().type.zero_point)


def _windows(node: OnnxNode) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    kernel, stride = node.integers("kernel_shape", ()), node.integers("strides", (1, 1))
    pads = node.integers("pads", (0, 0, 0, 0))
    if len(kernel) != 2 or len(stride) != 2 or len(pads) != 4:
        raise node.refuse(f"has the kernel {kernel}, strides {stride} and pads {pads}", "pool rows and columns")
    if pads[:2] != pads[2:]:
        raise node.refuse(f"has the pads {pads}", EVEN)
    return (kernel[0], kernel[1]), (stride[0], stride[1]), (pads[0], pads[1])


def _global_average(node: OnnxNode) -> Op:
    return AdaptiveAveragePool((1, 1))


def _reduce_mean(node: OnnxNode) -> Op:
    axes = node.optional(1)
    listed = node.integers("axes", ()) if axes is None else tuple(axes.reshape(-1).tolist())
    return Mean(tuple(sorted(_axis(node, axis) for axis in listed)), bool(node.attributes.get("keepdims", 1)))


def _flatten(node: OnnxNode) -> Op:
    node.only(axis=(1,))
    return Reshape((math.prod(_shape(node)),))


def _reshape(node: OnnxNode) -> Op:
    node.only(allowzero=(0,))
    wanted, given = [int(each) for each in node.constant(1).reshape(-1)], _shape(node)
    size = math.prod(given)
    if len(wanted) < 2 or wanted[0] not in (0, -1, 1) or wanted.count(-1) > 1 or min(wanted) < -1:
        raise node.refuse(f"makes the shape {tuple(wanted)}", KEEP_BATCH)
    kept = [*given, *(0 for _ in wanted)]
    sizes = [each or kept[place] for place, each in enumerate(wanted[1:])]
    known = math.prod(each for each in sizes if each != -1)
    if known < 1 or (-1 in sizes and size % known):
        raise node.refuse(f"makes {given} to {tuple(wanted)}", "keep the number of elements")
    return Reshape(tuple(size // known if each == -1 else each for each in sizes))


def _transpose(node: OnnxNode) -> Op:
    order = node.integers("perm", tuple(range(len(_shape(node)) + 1))[::-1])
    if not order or order[0] != 0:
        raise node.refuse(f"orders axes {order}", KEEP_BATCH)
    return Transpose(tuple(axis - 1 for axis in order[1:]))


def _concat(node: OnnxNode) -> Op:
    return Concat(_axis(node, int(node.attributes.get("axis", 1))))


def _slice(node: OnnxNode) -> Op:
    starts, stops = (node.constant(place).reshape(-1).tolist() for place in (1, 2))
    axes, steps = node.optional(3), node.optional(4)
    if len(starts) != 1 or len(stops) != 1:
        raise node.refuse(f"slices {len(starts)} axes at once", "slice one axis a node")
    axis = _axis(node, int(axes.reshape(-1)[0]) if axes is not None else 0)
    size = _shape(node)[axis] if axis < len(_shape(node)) else 0
    start, stop, step = slice(starts[0], stops[0], None if steps is None else int(steps.reshape(-1)[0])).indices(size)
    return Slice(axis, start, stop, step)


def _pad(node: OnnxNode) -> Op:
    node.only(mode=("constant",))
    value = node.optional(2, np.zeros(1))
    assert value is not None
    rank = len(_shape(node)) + 1
    borders = _borders(node, rank)
    if value.any() or len(borders) != 2 * rank or borders[0] or borders[rank]:
        raise node.refuse(f"pads by {borders} with {value.tolist()}", "pad axes other than the batch with zeros")
    return Pad(tuple(borders[1:rank]), tuple(borders[rank + 1 :]), node.coded().type.zero_point)


def _borders(node: OnnxNode, rank: int) -> list[int]:
    """Before and after every axis, the batch too; a node may state those of some axes only."""
    given, axes = [int(border) for border in node.constant(1).reshape(-1)], node.optional(3)
    if axes is None:
        return given
    borders, listed = [0] * (2 * rank), [_axis(node, int(axis)) + 1 for axis in axes.reshape(-1)]
    for place, axis in enumerate(listed):
        borders[axis], borders[rank + axis] = given[place], given[len(listed) + place]
    return borders


def _unsqueezed(node: OnnxNode) -> Op:
    axes = node.optional(1)
    listed = node.integers("axes", ()) if axes is None else tuple(axes.reshape(-1).tolist())
    shape = list(_shape(node))
    if node.op_type == "Squeeze":
        dropped = {_axis(node, axis) for axis in listed}
        if not dropped or any(shape[axis] != 1 for axis in dropped if axis < len(shape)):
            raise node.refuse(f"drops the axes {listed} of {tuple(shape)}", "drop axes of size 1")
        return Reshape(tuple(size for axis, size in enumerate(shape) if axis not in dropped))
    for axis in sorted(_axis(node, axis, len(shape) + 1 + len(listed)) for axis in listed):
        shape.insert(axis, 1)
    return Reshape(tuple(shape))


ADDRESS_NODES: Mapping[str, Callable[[OnnxNode], Op]] = {
    "Concat": _concat,
    "Flatten": _flatten,
    "MaxPool": _max_pool,
    "Pad": _pad,
    "Reshape": _reshape,
    "Slice": _slice,
    "Squeeze": _unsqueezed,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueezed,
}
"""The operation for a node on codes."""


def _average(make: Callable[[OnnxNode], Op]) -> Callable[[OnnxNode], Average]:
    return lambda node: Average(make(node), node.coded())


AVERAGE_NODES: Mapping[str, Callable[[OnnxNode], Average]] = {
    "AveragePool": _average(_average_pool),
    "GlobalAveragePool": _average(_global_average),
    "ReduceMean": _average(_reduce_mean),
}
"""The average that a node takes, still to be rounded."""
