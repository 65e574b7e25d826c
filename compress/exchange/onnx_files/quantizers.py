"""QONNX's quantizers around real numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compress.exchange.onnx_files.graph_builder import QONNX_DOMAIN, GraphBuilder
from compress.model.activation import Activation

__all__ = ["level_bits", "quantize", "quantize_weights"]


def quantize(graph: GraphBuilder, real: str, result: Activation) -> str:
    """Real numbers rounded half to even to those that the codes of ``result`` stand for."""
    return _int_quant(graph, real, result.scale, result.zero_point, result.bits, result.signed, False)


def quantize_weights(graph: GraphBuilder, levels: NDArray[np.int16], interval: float) -> str:
    """Dense weights ``levels * interval``, zeros included, behind a quantizer that leaves them as they are.

    Their sparsity is annotated as QONNX does for a tensor: the key ``tensor_sparsity`` and a dict in Python's notation.
    """
    weights = graph.constant("weight", levels.astype(np.float32) * np.float32(interval))
    zeros = int(np.count_nonzero(levels == 0))
    graph.annotate_sparsity(weights, str({"unstructured": {"zeros": zeros, "elements": int(levels.size)}}))
    bits = level_bits(levels)
    narrow = int(levels.min()) > -(1 << (bits - 1))
    return _int_quant(graph, weights, interval, 0, bits, True, narrow)


def level_bits(levels: NDArray[np.int16]) -> int:
    """The fewest signed bits that hold levels, at least 2.

    Levels of n bits are -2**(n-1)..-1, 1..2**(n-1) and 0 for pruned ones: n + 1 signed bits where 2**(n-1) is used.
    """
    lowest, highest = int(levels.min()), int(levels.max())
    return max(2, 1 + max(highest.bit_length(), (-lowest - 1).bit_length() if lowest < 0 else 0))


def _int_quant(
    graph: GraphBuilder,
    real: str,
    scale: float,
    zero_point: int,
    bits: int,
    signed: bool,
    narrow: bool,
) -> str:
    numbers = {"scale": scale, "zero_point": zero_point, "bits": bits}
    return graph.node(
        "IntQuant",
        real,
        *(graph.constant(name, np.float32(number)) for name, number in numbers.items()),
        domain=QONNX_DOMAIN,
        signed=int(signed),
        narrow=int(narrow),
        rounding_mode="ROUND",
    )
