"""The whole way from calls to the integer graph, and whether there is one."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from compress.lowering.fusion import Step, fuse
from compress.lowering.layers import integer_layer
from compress.lowering.ranges import Range, calibrate
from compress.lowering.types import input_type, relus_apart, types_of
from compress.methods.quantize import QuantizeResult
from compress.model.activation import Activation
from compress.model.compressed_model import INPUT, CompressedModel, Node
from compress.model.ops.op import Op
from compress.model.ops.registry import OPS, op_of_target
from compress.networks.capture.captured import LAYER, CapturedNetwork

__all__ = ["check_operations", "lower"]

IMAGE_RANGE = (0.0, 1.0)
UNIT = Range(0.0, 1.0, 1.0)


def lower(
    captured: CapturedNetwork,
    quantized: QuantizeResult,
    images: Tensor,
    act_bits: int,
    coverage: float,
    provenance: dict[str, Any],
) -> CompressedModel:
    """The integer graph, its scales calibrated on images (N, C, H, W) in [0, 1].

    Raises
    ------
    CodesignError
        An operation that the integer graph does not have, by name; a layer without levels; results that are not finite.
    """
    image = input_type(captured.input_shape, act_bits, IMAGE_RANGE)
    apart: frozenset[str] = frozenset()
    while True:
        steps, answer = fuse(captured, apart)
        ranges = calibrate(captured, images, steps, coverage)
        if not (found := relus_apart(steps, ranges, image)):
            break
        apart |= found
    types = types_of(steps, answer, ranges, image)
    nodes = []
    for step in steps:
        given, result = tuple(types[name] for name in step.inputs), types[step.name]
        if step.call.target == LAYER:
            layer = integer_layer(step, captured.layers[step.name], quantized, given[0], result)
            nodes.append(Node(step.name, layer, step.inputs))
        else:
            nodes.append(Node(step.name, _operation(step, given, result), step.inputs))
    return CompressedModel(types[INPUT], tuple(nodes), answer, provenance)


def check_operations(captured: CapturedNetwork) -> None:
    """CodesignError with the name of the first operation that no integer graph has, before anything is trained."""
    steps, answer = fuse(captured)
    ranges = {step.seen: UNIT for step in steps}
    image = input_type(captured.input_shape, 8, IMAGE_RANGE)
    types = types_of(steps, answer, ranges, image)
    for step in steps:
        if step.call.target != LAYER:
            _operation(step, tuple(types[name] for name in step.inputs), types[step.name])


def _operation(step: Step, given: tuple[Activation, ...], result: Activation) -> Op:
    op = op_of_target(step.call.target)
    if op is None:
        known = ", ".join(OPS)
        raise step.call.refuse(
            "has no integer operation", f"use convolutions, linear layers and what becomes one of: {known}"
        )
    return op.lower(step.call, given, result)
