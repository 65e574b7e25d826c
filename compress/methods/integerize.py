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
from compress.data.normalization import Normalization
from compress.methods.fold_normalization import fold_normalization, is_foldable
from compress.methods.quantize import QuantizeResult
from compress.model.compressed_model import CompressedModel
from compress.model.layer import CompressedLayer, LayerKind, PoolKind, Requantization
from compress.networks.chain import ChainLayer, LayerGeometry, layer_geometries, prunable_layers, trace_chain
from compress.networks.checks import check_plain
from compress.networks.tracing import evaluation_mode

__all__ = ["LayerGeometry", "calibrate", "integerize", "layer_geometries", "prunable_layers"]

CALIBRATION_IMAGES = 1000
CHECKED_IMAGES = 16
LARGEST_BIAS = 2**31 - 1
LARGEST_DIFFERENCE = 1e-3
"""Between two ways to run the same float layers, as a fraction of the largest output."""


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

    The first input scale is 1 / (2**act_bits - 1), for pixels in [0, 1]: a normalization of the calibration images
    becomes a part of the first layer. The output of every ReLU is scaled so that
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
        What ``trace_chain`` raises, a chain that computes something else than the network, a layer that was not
        quantized, or a normalization that the first layer cannot take over.
    """
    check_plain(network)
    chain = trace_chain(network, input_shape)
    calibration = calibration.take(CALIBRATION_IMAGES)
    _check_chain(network, chain, calibration.images[:CHECKED_IMAGES])
    if (normalization := calibration.normalization) is not None:
        network, quantized = _reading_pixels(network, quantized, chain[0], normalization)
        chain = trace_chain(network, input_shape)
    images = calibration.pixels
    bounds = calibrate(chain, images, coverage)
    input_scale = 1 / (2**act_bits - 1)
    layers = []
    for layer in chain:
        largest_output = 2**act_bits - 1 if layer.relu else 2 ** (act_bits - 1) - 1
        output_scale = bounds[layer.name] / largest_output
        layers.append(_integer_layer(layer, quantized, input_scale, output_scale, act_bits))
        input_scale = output_scale
    return CompressedModel.chain(tuple(layers), provenance or {})


def _reading_pixels(
    network: nn.Module, quantized: QuantizeResult, first: ChainLayer, normalization: Normalization
) -> tuple[nn.Module, QuantizeResult]:
    if not is_foldable(first.module, normalization):
        raise CodesignError(
            f"the first layer {first.name!r} pads the images, or their channels have several standard deviations: "
            "it cannot take the normalization over",
            "give one data.std for all channels, and a first layer without padding",
        )
    return fold_normalization(network, quantized, first.name, normalization)


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


@torch.no_grad()
def _check_chain(network: nn.Module, chain: list[ChainLayer], images_NCHW: Tensor) -> None:
    """Raise a CodesignError where the layers, one after the other, do not compute what the network does."""
    with evaluation_mode(network):
        expected = network(images_NCHW).flatten(1)
    activations = images_NCHW
    for layer in chain:
        activations = _run_pool(layer, _run_module(layer, activations))
    difference = float((activations.flatten(1) - expected).abs().max())
    if not difference <= LARGEST_DIFFERENCE * float(expected.abs().max()):
        raise CodesignError(
            f"the network's layers, run in order, differ from the network's output by up to {difference:.3g}",
            "let forward() do nothing but run the layers, with the same operations for every image",
        )


def _run_module(layer: ChainLayer, activations: Tensor) -> Tensor:
    outputs = _from_parameters(layer, activations)
    return outputs.relu() if layer.relu else outputs


def _from_parameters(layer: ChainLayer, activations: Tensor) -> Tensor:
    """What the integer layer will compute: it has weights, bias and sizes, but not the module's code."""
    geometry, weight, bias = layer.geometry, layer.module.weight, layer.module.bias
    if geometry.kind is LayerKind.LINEAR:
        return functional.linear(activations.flatten(1), weight, bias)
    return functional.conv2d(activations, weight, bias, geometry.stride, geometry.padding, groups=geometry.groups)


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
            "train with more weight decay, so that weights and biases have similar sizes",
        )
    return bias.astype(np.int32)
