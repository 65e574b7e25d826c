"""Factors of channels, from batch norms and weight scales, in the levels of a layer that has one interval for all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from compress.exchange.onnx_files.values import LayerSums
from compress.model.activation import Activation
from compress.model.layer import MAX_WEIGHT_BITS, CompressedLayer, LayerKind, largest_level
from compress.model.requantization import Requantization

__all__ = ["with_factors"]

LARGEST_BIAS = 2**31 - 1
TOLERANCE = 0.5
SEARCHED = 64


def with_factors(sums: LayerSums, name: str, result: Activation, codes: int) -> CompressedLayer:
    """The layer that gives ``sums`` in the codes of ``result``, ``codes`` of which are kept.

    Factors that differ from filter to filter become whole multiples of one interval. No result is off by more
    than half a code for that: else CodesignError, also for weights and biases beyond what a layer holds.
    """
    multiples, interval = _multiples(sums, result.scale, codes)
    levels = sums.levels * multiples.reshape(-1, *(1 for _ in sums.levels.shape[1:]))
    given = sums.operand.type
    largest = int(np.abs(levels).max(initial=0))
    if largest > largest_level(MAX_WEIGHT_BITS):
        raise CodesignError(f"its weights have levels up to {largest}", "quantize weights to 8 bits or fewer")
    reads = given.shape if sums.kind is LayerKind.CONV2D else (*given.shape, 1, 1)
    if len(reads) != 3:
        raise CodesignError(f"it reads {given.shape}", "give it a map (C, H, W) or a vector (C,)")
    without = CompressedLayer(
        name=name,
        kind=sums.kind,
        levels=levels.astype(np.int16),
        weight_bits=(max(largest, 1) - 1).bit_length() + 1,
        interval=interval,
        bias=np.zeros(len(levels), np.int32),
        input_shape=(reads[0], reads[1], reads[2]),
        requantization=Requantization.from_scale(interval * given.scale / result.scale),
        input_scale=given.scale,
        output_scale=result.scale,
        act_bits=result.bits,
        input_zero_point=given.zero_point,
        output_zero_point=result.zero_point,
        **sums.geometry,
    )
    bias = np.rint(sums.bias / (interval * given.scale)) + without.zero_point_sums()
    if not (np.abs(bias) <= LARGEST_BIAS).all():
        raise CodesignError("a bias exceeds 32 bits in units of the accumulator", "quantize activations more coarsely")
    return replace(without, bias=bias.astype(np.int32))


def _multiples(sums: LayerSums, scale: float, codes: int) -> tuple[NDArray[np.int64], float]:
    """Whole multiples (K,) and the interval that they count in, with the smallest error in codes."""
    factors = sums.factors
    if not np.isfinite(factors).all() or not np.isfinite(sums.bias).all() or not factors.any():
        raise CodesignError("its factors or biases are infinite, NaN or all 0", "train the network again")
    largest = float(np.abs(factors).max())
    if (np.abs(factors) == largest).all():
        return np.sign(factors).astype(np.int64), largest
    room = largest_level(MAX_WEIGHT_BITS) // max(1, int(np.abs(sums.levels).max(initial=0)))
    if not room:
        raise CodesignError("its weights have more than 8 bits", "quantize weights to 8 bits or fewer")
    intervals = [largest / count for count in range(room, max(0, room - SEARCHED), -1)]
    interval = min(intervals, key=lambda each: float(_errors(sums, each, scale, codes).max()))
    error = float(_errors(sums, interval, scale, codes).max())
    if error > TOLERANCE:
        raise CodesignError(
            f"its channels have factors (of a batch norm or of weight scales) that one interval and 8-bit levels hold "
            f"only to {error:.2g} codes of the result",
            "fold batch norms into the weights before quantizing them, and quantize weights with one scale",
        )
    return np.rint(factors / interval).astype(np.int64), interval


def _errors(sums: LayerSums, interval: float, scale: float, codes: int) -> NDArray[np.float64]:
    """(K,) largest error of a result in codes: by the largest sum, at most by what codes and bias reach."""
    given = sums.operand.type
    wrong = np.abs(sums.factors - interval * np.rint(sums.factors / interval))
    filters = np.abs(sums.levels.reshape(len(sums.levels), -1)).sum(axis=1)
    reach = max(given.zero_point, given.highest - given.zero_point) * given.scale * filters
    by_sums = wrong * reach / scale
    within = (codes + np.abs(sums.bias) / scale) * wrong / np.maximum(np.abs(sums.factors), 1e-300)
    return np.asarray(np.minimum(by_sums, within), np.float64)
