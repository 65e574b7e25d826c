"""From a quantized network to integer layers: calibrate activations, round biases, choose requantizations."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from compress.base.errors import CodesignError
from compress.data.datasets import Split
from compress.methods.quantize import QuantizeResult
from compress.model.compressed_model import CompressedModel
from compress.model.layer import CompressedLayer, LayerKind, PoolKind, Requantization
from compress.networks.chain import ChainLayer, LayerGeometry, layer_geometries, prunable_layers, trace_chain

__all__ = ["LayerGeometry", "calibrate", "integerize", "layer_geometries", "prunable_layers"]

CALIBRATION_IMAGES = 1000
LARGEST_BIAS = 2**31 - 1


def integerize(
    network: nn.Module,
    quantized: QuantizeResult,
    calibration: Split,
    input_shape: tuple[int, int, int],
    act_bits: int = 8,
    provenance: dict[str, Any] | None = None,
    *,
    coverage: float = 1.0,
) -> CompressedModel:
    """Turn a quantized chain of layers into integer layers.

    The first input scale is 1 / (2**act_bits - 1), for images in [0, 1]. The output of every ReLU is scaled so that
    ``calibrate``'s bound becomes 2**act_bits - 1; a last layer without ReLU is signed, its bound becomes
    2**(act_bits - 1) - 1. Biases are rounded to units of interval * input scale.

    Parameters
    ----------
    calibration : Split
        Training or validation images, never test images; at most the first 1000 are used.
    coverage : float
        Fraction of a layer's calibration outputs that must not saturate.

    Raises
    ------
    CodesignError
        What ``trace_chain`` raises, or a layer that was not quantized.
    """
    chain = trace_chain(network, input_shape)
    bounds = calibrate(chain, calibration.take(CALIBRATION_IMAGES).images, coverage)
    input_scale = 1 / (2**act_bits - 1)
    layers = []
    for layer in chain:
        largest_output = 2**act_bits - 1 if layer.relu else 2 ** (act_bits - 1) - 1
        output_scale = bounds[layer.name] / largest_output
        layers.append(_integer_layer(layer, quantized, input_scale, output_scale, act_bits))
        input_scale = output_scale
    return CompressedModel(tuple(layers), provenance or {})


@torch.no_grad()
def calibrate(chain: list[ChainLayer], images_NCHW: Tensor, coverage: float = 1.0) -> dict[str, float]:
    """The magnitude that a fraction ``coverage`` of each layer's outputs does not exceed, by layer name.

    Outputs are taken after the ReLU and before the pooling: where the array saturates them. A layer that gives
    only zeros gets 1.
    """
    if not 0 < coverage <= 1:
        raise CodesignError(f"coverage must be above 0 and at most 1, not {coverage}", "use for example 0.9999")
    bounds = {}
    activations = images_NCHW
    for layer in chain:
        outputs = _run_module(layer, activations)
        bounds[layer.name] = float(np.quantile(outputs.abs().numpy(), coverage)) or 1.0
        activations = _run_pool(layer, outputs)
    return bounds


def _run_module(layer: ChainLayer, activations: Tensor) -> Tensor:
    if layer.geometry.kind is LayerKind.LINEAR:
        activations = activations.flatten(1)
    outputs: Tensor = layer.module(activations)
    return outputs.relu() if layer.relu else outputs


def _run_pool(layer: ChainLayer, outputs: Tensor) -> Tensor:
    if layer.pool is None:
        return outputs
    pool = functional.max_pool2d if layer.pool.kind is PoolKind.MAX else functional.avg_pool2d
    return pool(outputs, layer.pool.kernel, layer.pool.stride)


def _integer_layer(
    layer: ChainLayer, quantized: QuantizeResult, input_scale: float, output_scale: float, act_bits: int
) -> CompressedLayer:
    if layer.name not in quantized.levels:
        raise CodesignError(f"layer {layer.name!r} was not quantized", "quantize every Conv2d and Linear layer")
    interval, geometry = quantized.intervals[layer.name], layer.geometry
    accumulator_unit = interval * input_scale
    levels_KCRS = quantized.levels[layer.name].reshape(geometry.weight_shape).contiguous().numpy().copy()
    return CompressedLayer(
        name=layer.name,
        kind=geometry.kind,
        levels=levels_KCRS,
        weight_bits=quantized.weight_bits[layer.name],
        interval=interval,
        bias=_integer_bias(layer, accumulator_unit),
        input_shape=geometry.input_shape,
        requantization=Requantization.from_scale(accumulator_unit / output_scale),
        input_scale=input_scale,
        output_scale=output_scale,
        act_bits=act_bits,
        stride=geometry.stride,
        padding=geometry.padding,
        groups=geometry.groups,
        relu=layer.relu,
        pool=layer.pool,
    )


def _integer_bias(layer: ChainLayer, accumulator_unit: float) -> NDArray[np.int32]:
    if layer.module.bias is None:
        return np.zeros(layer.geometry.weight_shape[0], dtype=np.int32)
    bias = np.rint(layer.module.bias.detach().double().numpy() / accumulator_unit)
    if np.abs(bias).max() > LARGEST_BIAS:
        raise CodesignError(
            f"a bias of layer {layer.name!r} exceeds 32 bits in units of {accumulator_unit:g}",
            "train with more weight decay, so that weights and biases have like sizes",
        )
    return bias.astype(np.int32)
