"""Exact integer arithmetic in ONNX nodes: sums of products in floats that hold them, all else in int64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from compress.exchange.onnx_files.graph_builder import GraphBuilder

__all__ = ["as_codes", "as_integers", "divide", "exact_parts", "requantize"]

LARGEST_FLOAT32 = 1 << 24


def as_integers(graph: GraphBuilder, codes: str) -> str:
    """Codes, which tensors hold as float32, in int64."""
    return graph.cast(codes, TensorProto.INT64)


def as_codes(graph: GraphBuilder, integers: str) -> str:
    """Integers as tensors hold codes: in float32."""
    return graph.cast(integers, TensorProto.FLOAT)


def divide(graph: GraphBuilder, integers: str, divisor: NDArray[np.int64] | int, lowest: int = 0) -> str:
    """``floor(integers / divisor)`` of integers that are at least ``lowest * divisor``.

    ONNX's Div rounds towards zero, so it is given no negative number.
    """
    by = np.asarray(divisor, np.int64)
    if lowest:
        integers = graph.node("Sub", integers, graph.constant("lowest", by * lowest))
    quotient = graph.node("Div", integers, graph.constant("divisor", by))
    return graph.node("Add", quotient, graph.constant("lowest", np.int64(lowest))) if lowest else quotient


def requantize(graph: GraphBuilder, sums: str, offset: Any, shift: int, lowest: int, highest: int) -> str:
    """Codes ``(sums + offset + 2**(shift-1)) >> shift``, saturated to ``lowest..highest``.

    Saturated before the shift, so that Div, which rounds towards zero, sees no negative number.
    """
    added = np.asarray(offset, np.int64) + (1 << (shift - 1)) - (lowest << shift)
    sums = graph.node("Add", sums, graph.constant("offset", added))
    bounds = np.int64(0), np.int64(((highest - lowest + 1) << shift) - 1)
    kept = graph.node("Clip", sums, *(graph.constant("bound", bound) for bound in bounds))
    codes = graph.node("Div", kept, graph.constant("divisor", np.int64(1 << shift)))
    if lowest:
        codes = graph.node("Add", codes, graph.constant("lowest", np.int64(lowest)))
    return as_codes(graph, codes)


def exact_parts(levels: NDArray[np.int16], largest_code: int) -> list[NDArray[np.float32]]:
    """Arrays (K, ...) of disjoint levels, the sum of which is ``levels``: float32 holds each one's sums of products.

    One array unless a filter is so large that its sums may exceed 2**24.
    """
    flat = levels.reshape(len(levels), -1).astype(np.int64)
    magnitudes = np.abs(flat)
    room = LARGEST_FLOAT32 // largest_code - int(magnitudes.max())
    part_of = np.maximum(np.cumsum(magnitudes, axis=1) - magnitudes, 0) // room
    return [
        np.where(part_of == part, flat, 0).reshape(levels.shape).astype(np.float32)
        for part in range(int(part_of.max()) + 1)
    ]
