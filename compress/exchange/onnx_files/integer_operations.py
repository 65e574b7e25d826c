"""Every operation of the integer graph as ONNX nodes on codes, with the golden model's own integers."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from compress.base.errors import CodesignError
from compress.exchange.onnx_files.addresses import ADDRESSES
from compress.exchange.onnx_files.exact_integers import as_codes, as_integers, divide, requantize
from compress.exchange.onnx_files.graph_builder import GraphBuilder
from compress.exchange.onnx_files.operands import Operands, Translations
from compress.model.ops.adaptive_average_pool import AdaptiveAveragePool
from compress.model.ops.add import Add
from compress.model.ops.affine import Affine
from compress.model.ops.average_pool import AveragePool
from compress.model.ops.lookup import Lookup
from compress.model.ops.mean import Mean
from compress.model.ops.pooling import adaptive_windows
from compress.model.ops.scale import Scale

__all__ = ["INTEGER_OPERATIONS", "across", "window_matrix", "window_pixels"]

LARGEST_MATRIX = 1 << 26


def across(values: NDArray[np.generic] | tuple[int, ...], axes: int) -> NDArray[np.generic]:
    """Numbers of channels (C,) as (C, 1, ...), to go with samples of so many axes."""
    return np.asarray(values).reshape(-1, *(1 for _ in range(axes - 1)))


def window_pixels(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """(rows, columns) pixels of the map in each window, of (places, 2) windows along both axes."""
    return np.asarray(np.multiply.outer(rows[:, 1] - rows[:, 0], columns[:, 1] - columns[:, 0]), np.int64)


def window_matrix(windows: NDArray[np.int64], size: int) -> NDArray[np.float64]:
    """(places, size) of 0 and 1: times an axis it is the sums over its windows.

    CodesignError for an axis so long that the matrix would not fit.
    """
    if len(windows) * size > LARGEST_MATRIX:
        raise CodesignError(f"a map of {size} rows or columns is too large to average", "export a smaller model")
    pixels = np.arange(size)
    return np.asarray((windows[:, :1] <= pixels) & (pixels < windows[:, 1:]), np.float64)


def _add(graph: GraphBuilder, op: Add, operands: Operands) -> str:
    products = [
        graph.node("Mul", as_integers(graph, name), graph.constant("multiplier", np.int64(multiplier)))
        for name, multiplier in zip(operands.names, op.multipliers, strict=True)
    ]
    sums = products[0]
    for product in products[1:]:
        sums = graph.node("Add", sums, product)
    return requantize(graph, sums, op.offset, op.shift, 0, (1 << op.bits) - 1)


def _affine(graph: GraphBuilder, op: Affine, operands: Operands) -> str:
    axes = len(operands.shape)
    multipliers, offsets = (across(np.array(each, np.int64), axes) for each in (op.multipliers, op.offsets))
    products = graph.node("Mul", as_integers(graph, operands.names[0]), graph.constant("multipliers", multipliers))
    return requantize(graph, products, offsets, op.shift, 0, (1 << op.bits) - 1)


def _scale(graph: GraphBuilder, op: Scale, operands: Operands) -> str:
    centred = [
        graph.node("Sub", as_integers(graph, name), graph.constant("zero_point", np.int64(zero_point)))
        for name, zero_point in zip(operands.names, op.zero_points, strict=True)
    ]
    multiplier = graph.constant("multiplier", np.int64(op.multiplier))
    products = graph.node("Mul", graph.node("Mul", *centred), multiplier)
    return requantize(graph, products, op.zero_point << op.shift, op.shift, 0, (1 << op.bits) - 1)


def _lookup(graph: GraphBuilder, op: Lookup, operands: Operands) -> str:
    table = graph.constant("table", np.array(op.table, np.float32))
    return graph.node("Gather", table, as_integers(graph, operands.names[0]), axis=0)


def _average_pool(graph: GraphBuilder, op: AveragePool, operands: Operands) -> str:
    """``floor((2 * sum + count) / (2 * count))`` of codes less the zero point, which is then added again."""
    _, height, width = operands.shape
    rows, columns = op.windows(0, height), op.windows(1, width)
    counts = op.divisor or np.multiply.outer(op.counts(0, height), op.counts(1, width))
    lacking = 2 * op.zero_point * (counts - window_pixels(rows, columns))
    return _round_average(graph, _window_sums(graph, operands, rows, columns), operands, counts, lacking)


def _adaptive(graph: GraphBuilder, op: AdaptiveAveragePool, operands: Operands) -> str:
    _, height, width = operands.shape
    rows, columns = adaptive_windows(height, op.size[0]), adaptive_windows(width, op.size[1])
    sums = _window_sums(graph, operands, rows, columns)
    return _round_average(graph, sums, operands, window_pixels(rows, columns))


def _mean(graph: GraphBuilder, op: Mean, operands: Operands) -> str:
    axes = graph.integers("axes", (axis + 1 for axis in op.axes))
    sums = graph.node("ReduceSum", as_integers(graph, operands.names[0]), axes, keepdims=int(op.keep_axes))
    return _round_average(graph, sums, operands, math.prod(operands.shape[axis] for axis in op.axes))


def _window_sums(graph: GraphBuilder, operands: Operands, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> str:
    """int64 sums over the windows of rows and columns: two matrix products in double precision, which is exact."""
    _, height, width = operands.shape
    doubles = graph.cast(operands.names[0], TensorProto.DOUBLE)
    over_rows = graph.node("MatMul", graph.constant("rows", window_matrix(rows, height)), doubles)
    columns_matrix = graph.constant("columns", window_matrix(columns, width).T)
    return graph.cast(graph.node("MatMul", over_rows, columns_matrix), TensorProto.INT64)


def _round_average(
    graph: GraphBuilder,
    sums: str,
    operands: Operands,
    counts: NDArray[np.int64] | int,
    added: NDArray[np.int64] | int = 0,
) -> str:
    """Codes ``floor((2 * sums + counts + added) / (2 * counts))``."""
    doubled = graph.node("Mul", sums, graph.constant("two", np.int64(2)))
    numerators = graph.node("Add", doubled, graph.constant("counts", np.asarray(counts + np.int64(added), np.int64)))
    averages = divide(graph, numerators, 2 * np.asarray(counts, np.int64), operands.types[0].lowest)
    return as_codes(graph, averages)


INTEGER_OPERATIONS: Translations = {
    **ADDRESSES,
    AdaptiveAveragePool.KIND: _adaptive,
    Add.KIND: _add,
    Affine.KIND: _affine,
    AveragePool.KIND: _average_pool,
    Lookup.KIND: _lookup,
    Mean.KIND: _mean,
    Scale.KIND: _scale,
}
"""By ``Op.KIND``: every operation has one."""
