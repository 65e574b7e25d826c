"""Integer layers: levels, biases with zero points in them, requantizations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from compress.lowering.fusion import Step
from compress.methods.quantize import QuantizeResult
from compress.model.activation import Activation
from compress.model.layer import CompressedLayer
from compress.model.requantization import Requantization
from compress.networks.capture.captured import CapturedLayer

__all__ = ["integer_layer"]

LARGEST_BIAS = 2**31 - 1


def integer_layer(
    step: Step, layer: CapturedLayer, quantized: QuantizeResult, given: Activation, result: Activation
) -> CompressedLayer:
    """One layer that reads ``given`` and rounds to ``result``.

    The array multiplies codes, so the input's zero point leaves by the bias, and the output's comes in by it: rounded
    in units of the accumulator, which are finer than those of the output.
    """
    name, geometry = step.name, layer.geometry
    if name not in quantized.levels:
        raise CodesignError(f"layer {name!r} was not quantized", "quantize every Conv2d and Linear layer")
    interval = quantized.intervals[name]
    accumulator_unit = interval * given.scale
    levels_KCRS = quantized.levels[name].reshape(geometry.weight_shape).contiguous().numpy().copy()
    without = CompressedLayer(
        name=name,
        kind=geometry.kind,
        levels=levels_KCRS,
        weight_bits=quantized.weight_bits[name],
        interval=interval,
        bias=np.zeros(len(levels_KCRS), np.int32),
        input_shape=geometry.input_shape,
        requantization=Requantization.from_scale(accumulator_unit / result.scale),
        input_scale=given.scale,
        output_scale=result.scale,
        act_bits=given.bits,
        stride=geometry.stride,
        padding=geometry.padding,
        groups=geometry.groups,
        relu=not result.signed,
        pool=step.pool,
        dilation=geometry.dilation,
        padding_end=geometry.padding_end,
        input_zero_point=given.zero_point,
        output_zero_point=result.zero_point,
    )
    bias = _bias(layer, accumulator_unit) + without.zero_point_sums()
    if np.abs(bias).max() > LARGEST_BIAS:
        raise CodesignError(
            f"a bias of layer {name!r} exceeds 32 bits in units of {accumulator_unit:g}",
            "train with more weight decay, so that weights and biases have similar sizes",
        )
    return replace(without, bias=bias.astype(np.int32))


def _bias(layer: CapturedLayer, accumulator_unit: float) -> NDArray[np.float64]:
    """(K,) whole numbers in units of the accumulator."""
    if layer.module.bias is None:
        return np.zeros(layer.geometry.weight_shape[0])
    return np.asarray(np.rint(layer.module.bias.detach().double().numpy() / accumulator_unit))
