"""Every operation of the integer graph on the real numbers that codes stand for, before they are rounded again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from compress.exchange.onnx_files.addresses import ADDRESSES
from compress.exchange.onnx_files.graph_builder import GraphBuilder
from compress.exchange.onnx_files.integer_operations import across, window_matrix, window_pixels
from compress.exchange.onnx_files.operands import Operands, Translations
from compress.model.ops.adaptive_average_pool import AdaptiveAveragePool
from compress.model.ops.add import Add
from compress.model.ops.affine import Affine
from compress.model.ops.average_pool import AveragePool
from compress.model.ops.lookup import Lookup
from compress.model.ops.mean import Mean
from compress.model.ops.pooling import adaptive_windows
from compress.model.ops.scale import Scale

__all__ = ["REAL_OPERATIONS", "times"]


def times(graph: GraphBuilder, real: str, factor: float) -> str:
    """Real numbers by a factor; themselves where it is 1."""
    return real if factor == 1 else graph.node("Mul", real, graph.constant("factor", np.float32(factor)))


def _plus(graph: GraphBuilder, real: str, constant: float) -> str:
    return graph.node("Add", real, graph.constant("constant", np.float32(constant))) if constant else real


def _real_factor(multiplier: int, shift: int, unit: float) -> float:
    """What a multiplier stands for, in operand units of ``unit`` results: 1 or -1 where it is just that, rounded."""
    for whole in (1.0, -1.0):
        if multiplier == round(whole * unit * 2.0**shift):
            return whole
    return multiplier / 2.0**shift / unit


def _add(graph: GraphBuilder, op: Add, operands: Operands) -> str:
    zeros = sum(factor * operand.zero_point for factor, operand in zip(op.multipliers, operands.types, strict=True))
    constant = op.scale * ((op.offset + zeros) / 2.0**op.shift - op.zero_point)
    total = ""
    for name, operand, multiplier in zip(operands.names, operands.types, op.multipliers, strict=True):
        factor = _real_factor(multiplier, op.shift, operand.scale / op.scale)
        if total and factor == -1:
            total = graph.node("Sub", total, name)
        else:
            product = times(graph, name, factor)
            total = graph.node("Add", total, product) if total else product
    return _plus(graph, total, constant)


def _affine(graph: GraphBuilder, op: Affine, operands: Operands) -> str:
    (operand,) = operands.types
    multipliers, offsets = np.array(op.multipliers, np.float64), np.array(op.offsets, np.float64)
    factors = multipliers * op.scale / operand.scale / 2.0**op.shift
    constants = op.scale * ((offsets + multipliers * operand.zero_point) / 2.0**op.shift - op.zero_point)
    axes = len(operands.shape)
    product = graph.node("Mul", operands.names[0], graph.constant("factors", across(factors.astype(np.float32), axes)))
    return graph.node("Add", product, graph.constant("constants", across(constants.astype(np.float32), axes)))


def _scale(graph: GraphBuilder, op: Scale, operands: Operands) -> str:
    first, second = operands.types
    factor = _real_factor(op.multiplier, op.shift, first.scale * second.scale / op.scale)
    return times(graph, graph.node("Mul", *operands.names), factor)


def _lookup(graph: GraphBuilder, op: Lookup, operands: Operands) -> str:
    """QONNX has no operator for a table of its own: codes are made again, and index one."""
    (operand,) = operands.types
    quotients = graph.node("Div", operands.names[0], graph.constant("scale", np.float32(operand.scale)))
    codes = _plus(graph, graph.node("Round", quotients), operand.zero_point)
    table = (np.array(op.table, np.float64) - op.zero_point) * op.scale
    values = graph.constant("table", table.astype(np.float32))
    return graph.node("Gather", values, graph.cast(codes, TensorProto.INT64), axis=0)


def _average_pool(graph: GraphBuilder, op: AveragePool, operands: Operands) -> str:
    if op.ceil_mode or op.divisor:
        _, height, width = operands.shape
        counts = op.divisor or np.multiply.outer(op.counts(0, height), op.counts(1, width))
        return _averages(graph, operands, op.windows(0, height), op.windows(1, width), counts)
    return graph.node(
        "AveragePool",
        operands.names[0],
        kernel_shape=op.kernel,
        strides=op.stride,
        pads=op.padding * 2,
        count_include_pad=int(op.count_padding),
    )


def _adaptive(graph: GraphBuilder, op: AdaptiveAveragePool, operands: Operands) -> str:
    if op.size == (1, 1):
        return graph.node("GlobalAveragePool", operands.names[0])
    _, height, width = operands.shape
    rows, columns = adaptive_windows(height, op.size[0]), adaptive_windows(width, op.size[1])
    return _averages(graph, operands, rows, columns, window_pixels(rows, columns))


def _averages(
    graph: GraphBuilder,
    operands: Operands,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    counts: NDArray[np.int64] | int,
) -> str:
    """Averages over windows that ONNX's pooling does not have, as matrix products."""
    _, height, width = operands.shape
    matrices = (window_matrix(rows, height).astype(np.float32), window_matrix(columns, width).T.astype(np.float32))
    over_rows = graph.node("MatMul", graph.constant("rows", matrices[0]), operands.names[0])
    sums = graph.node("MatMul", over_rows, graph.constant("columns", matrices[1]))
    return graph.node("Div", sums, graph.constant("counts", np.asarray(counts, np.float32)))


def _mean(graph: GraphBuilder, op: Mean, operands: Operands) -> str:
    axes = [axis + 1 for axis in op.axes]
    return graph.node("ReduceMean", operands.names[0], axes=axes, keepdims=int(op.keep_axes))


REAL_OPERATIONS: Translations = {
    **ADDRESSES,
    AdaptiveAveragePool.KIND: _adaptive,
    Add.KIND: _add,
    Affine.KIND: _affine,
    AveragePool.KIND: _average_pool,
    Lookup.KIND: _lookup,
    Mean.KIND: _mean,
    Scale.KIND: _scale,
}
"""By ``Op.KIND``: every operation has one. Their results still need a quantizer, but for those of ``ADDRESSES``."""
