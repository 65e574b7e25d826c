"""Operations that only move or compare values: the same ONNX nodes for codes and for real numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from compress.base.errors import CodesignError
from compress.exchange.onnx_files.graph_builder import GraphBuilder
from compress.exchange.onnx_files.operands import Operands, Translations
from compress.model.ops.concat import Concat
from compress.model.ops.max_pool import MaxPool
from compress.model.ops.pad import Pad
from compress.model.ops.reshape import Reshape
from compress.model.ops.slice import Slice
from compress.model.ops.transpose import Transpose
from compress.model.ops.upsample import Upsample

__all__ = ["ADDRESSES", "pad_sides", "take"]

BELOW_ALL = -1e30
LARGEST_AXIS = 1 << 24


def pad_sides(graph: GraphBuilder, operand: str, before: Sequence[int], after: Sequence[int], value: float) -> str:
    """A value before and after each axis of a sample; the operand itself where there are none."""
    if not any((*before, *after)):
        return operand
    borders = graph.integers("borders", (0, *before, 0, *after))
    return graph.node("Pad", operand, borders, graph.constant("value", np.float32(value)))


def take(graph: GraphBuilder, operand: str, **bounds: Iterable[int]) -> str:
    """A slice with ``starts``, ``ends``, ``axes`` and, if wanted, ``steps``; the batch is axis 0."""
    return graph.node("Slice", operand, *(graph.integers(name, bound) for name, bound in bounds.items()))


def _reshape(graph: GraphBuilder, op: Reshape, operands: Operands) -> str:
    return graph.node("Reshape", operands.names[0], graph.integers("shape", (0, *op.shape)))


def _transpose(graph: GraphBuilder, op: Transpose, operands: Operands) -> str:
    return graph.node("Transpose", operands.names[0], perm=[0, *(axis + 1 for axis in op.order)])


def _concat(graph: GraphBuilder, op: Concat, operands: Operands) -> str:
    return graph.node("Concat", *operands.names, axis=op.axis + 1)


def _slice(graph: GraphBuilder, op: Slice, operands: Operands) -> str:
    axis = op.axis + 1
    taken = take(graph, operands.names[0], starts=(op.start,), ends=(op.stop,), axes=(axis,), steps=(op.step,))
    return taken if op.keep_axis else graph.node("Squeeze", taken, graph.integers("axes", (axis,)))


def _pad(graph: GraphBuilder, op: Pad, operands: Operands) -> str:
    (operand,) = operands.names
    if min(*op.before, *op.after) < 0:
        starts = [max(-end, 0) for end in op.before]
        ends = [size + min(end, 0) for size, end in zip(operands.shape, op.after, strict=True)]
        operand = take(graph, operand, starts=starts, ends=ends, axes=range(1, len(starts) + 1))
    before, after = ([max(end, 0) for end in ends] for ends in (op.before, op.after))
    return pad_sides(graph, operand, before, after, operands.zero)


def _upsample(graph: GraphBuilder, op: Upsample, operands: Operands) -> str:
    (operand,) = operands.names
    for axis, (size, factor) in enumerate(zip(operands.shape, op.factors, strict=True), start=1):
        if size * factor > LARGEST_AXIS:
            raise CodesignError(f"an axis of {size} is repeated {factor} times", f"export axes up to {LARGEST_AXIS}")
        if factor > 1:
            indices = graph.integers("indices", np.repeat(np.arange(size), factor).tolist())
            operand = graph.node("Gather", operand, indices, axis=axis)
    return operand


def _max_pool(graph: GraphBuilder, op: MaxPool, operands: Operands) -> str:
    """Padded by nodes of its own: ONNX places the last window in ceil mode otherwise than torch."""
    _, *sizes = operands.shape
    _, *places = op.output(operands.types).shape
    after = [
        max(0, (count - 1) * stride + dilation * (kernel - 1) + 1 - size - before)
        for count, stride, dilation, kernel, size, before in zip(
            places, op.stride, op.dilation, op.kernel, sizes, op.padding, strict=True
        )
    ]
    operand = pad_sides(graph, operands.names[0], (0, *op.padding), (0, *after), BELOW_ALL)
    return graph.node("MaxPool", operand, kernel_shape=op.kernel, strides=op.stride, dilations=op.dilation)


ADDRESSES: Translations = {
    Concat.KIND: _concat,
    MaxPool.KIND: _max_pool,
    Pad.KIND: _pad,
    Reshape.KIND: _reshape,
    Slice.KIND: _slice,
    Transpose.KIND: _transpose,
    Upsample.KIND: _upsample,
}
