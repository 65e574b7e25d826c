"""From a quantized network to its graph of integer operations."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from compress.base.errors import CodesignError
from compress.data.datasets import Split
from compress.data.normalization import Normalization
from compress.lowering.float_graph import run_float
from compress.lowering.fold_normalization import fold_normalization, is_foldable
from compress.lowering.lower import check_operations, lower
from compress.lowering.normalization import first_layer, normalized
from compress.lowering.ranges import images_to_calibrate
from compress.methods.quantize import QuantizeResult
from compress.model.compressed_model import CompressedModel
from compress.model.folding.fold_constants import fold_constants
from compress.networks.capture.capture import capture
from compress.networks.capture.captured import CapturedNetwork
from compress.networks.evaluation_mode import evaluation_mode

__all__ = ["check_captured", "check_integerizable", "integerize"]

CHECKED_IMAGES = 16
LARGEST_DIFFERENCE = 1e-3
"""Between two ways to run the same float network, as a fraction of the largest output."""


def integerize(
    network: nn.Module,
    quantized: QuantizeResult,
    calibration: Split,
    input_shape: tuple[int, ...],
    act_bits: int = 8,
    provenance: dict[str, Any] | None = None,
    *,
    coverage: float = 1.0,
) -> CompressedModel:
    """Turn a quantized network, whatever its branches, into integer operations.

    The first input scale is 1 / (2**act_bits - 1), for pixels in [0, 1]: a normalization of the calibration images
    becomes a part of the first layer where that is exact, else an operation before it. Each result gets the scale and
    zero point with which its range on the calibration images fills 0..2**act_bits - 1; behind a ReLU the zero point is
    0. A last layer without ReLU is signed. Operations that only move codes share the scales of what they read. Biases
    are rounded to units of interval * input scale. Filters without weights leave, exactly (``fold_constants``).

    Parameters
    ----------
    calibration : Split
        Training or validation images, never test images; at most the first 1000 are used.
    coverage : float
        Fraction of a result's calibration values that must not saturate.

    Raises
    ------
    CodesignError
        What ``capture`` raises; an operation that no integer graph has, by name; a graph that computes something else
        than the network; a layer that was not quantized.
    """
    captured = capture(network, input_shape)
    check_operations(captured)
    calibration = calibration.take(images_to_calibrate(captured))
    check_captured(network, captured, calibration.images)
    if (normalization := calibration.normalization) is not None:
        captured, quantized = _reading_pixels(network, captured, quantized, normalization)
    return fold_constants(lower(captured, quantized, calibration.pixels, act_bits, coverage, provenance or {}))


def check_integerizable(network: nn.Module, input_shape: tuple[int, ...]) -> None:
    """Raise a CodesignError where ``integerize`` would for what the network is, before anything is trained."""
    check_operations(capture(network, input_shape))


def _reading_pixels(
    network: nn.Module, captured: CapturedNetwork, quantized: QuantizeResult, normalization: Normalization
) -> tuple[CapturedNetwork, QuantizeResult]:
    first = first_layer(captured)
    if first is None or not is_foldable(captured.layers[first].module, normalization):
        return normalized(captured, normalization), quantized
    network, quantized = fold_normalization(network, quantized, first, normalization)
    return capture(network, captured.input_shape), quantized


@torch.no_grad()
def check_captured(network: nn.Module, captured: CapturedNetwork, images_NCHW: Tensor) -> None:
    """Raise a CodesignError where the calls, one after the other, do not compute what the network does.

    The first ``CHECKED_IMAGES`` are tried.
    """
    images_NCHW = images_NCHW[:CHECKED_IMAGES]
    with evaluation_mode(network):
        expected = network(images_NCHW)
    found = run_float(captured, images_NCHW)
    difference = float((found - expected).abs().max()) if found.shape == expected.shape else float("nan")
    if not difference <= LARGEST_DIFFERENCE * float(expected.abs().max()):
        raise CodesignError(
            f"the network's operations, run in order, differ from the network's output by up to {difference:.3g}",
            "let forward() do nothing but run the layers, with the same operations for every image",
        )
