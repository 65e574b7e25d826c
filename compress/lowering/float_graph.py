"""A captured network run in floating point, call by call, with its weights as they are now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from compress.model.compressed_model import INPUT
from compress.model.layer import LayerKind
from compress.model.ops.op import Call
from compress.model.ops.registry import op_of_target
from compress.model.ops.reshape import Reshape
from compress.networks.capture.captured import LAYER, CapturedLayer, CapturedNetwork
from compress.networks.capture.constants import AFFINE

__all__ = ["run_float"]


@torch.no_grad()
def run_float(
    captured: CapturedNetwork, images: Tensor, observe: Callable[[str, Tensor], None] | None = None
) -> Tensor:
    """The network's answer to images (N, C, H, W).

    ``observe`` is called with every call's name and result; results are dropped after their last reader.
    """
    last_reader = {name: call.name for call in captured.calls for name in call.inputs}
    values = {INPUT: images}
    for call in captured.calls:
        operands = [values[name] for name in call.inputs]
        values[call.name] = _run(captured, call, operands)
        if observe is not None:
            observe(call.name, values[call.name])
        for name in set(call.inputs):
            if last_reader[name] == call.name and name != captured.answer:
                del values[name]
    return values[captured.answer]


def _run(captured: CapturedNetwork, call: Call, operands: list[Tensor]) -> Tensor:
    if call.target == LAYER:
        return _run_layer(captured.layers[call.name], operands[0])
    if call.target == AFFINE:
        return _run_affine(call, operands[0])
    if op_of_target(call.target) is Reshape:
        return operands[0].reshape(len(operands[0]), *call.shape)
    return _run_aten(call, operands)


def _run_layer(layer: CapturedLayer, activations: Tensor) -> Tensor:
    """What the integer layer will compute: it has weights, bias and sizes, but not the module's code."""
    geometry, weight, bias = layer.geometry, layer.module.weight, layer.module.bias
    if geometry.kind is LayerKind.LINEAR:
        return functional.linear(activations, weight, bias)
    padding = geometry.padding
    if geometry.padding_end is not None:
        (top, left), (bottom, right) = padding, geometry.padding_end
        activations, padding = functional.pad(activations, (left, right, top, bottom)), (0, 0)
    return functional.conv2d(activations, weight, bias, geometry.stride, padding, geometry.dilation, geometry.groups)


def _run_affine(call: Call, activations: Tensor) -> Tensor:
    shape = (-1, *[1] * (len(call.shape) - 1))
    factor, offset = (
        torch.tensor(call.arguments[name], dtype=activations.dtype).reshape(shape) for name in ("factor", "offset")
    )
    return activations * factor + offset


def _run_aten(call: Call, operands: list[Tensor]) -> Tensor:
    """Torch's operation without its in-place form."""
    _, name, overload = call.target.split(".")
    packet = getattr(torch.ops.aten, name.removesuffix("_") or name)
    operation = getattr(packet, overload)
    waiting = iter(operands)
    keywords = {argument.name: _argument(argument, call, waiting) for argument in operation._schema.arguments}
    result = operation(**keywords)
    maximum: Tensor = result[0] if isinstance(result, tuple) else result  # and where it was
    return maximum


def _argument(argument: Any, call: Call, waiting: Iterator[Tensor]) -> Any:
    if argument.name in call.arguments:
        value = call.arguments[argument.name]
        if isinstance(value, float) and str(argument.type) == "Tensor":  # a PReLU's slope
            return torch.tensor([value])
        return list(value) if isinstance(value, tuple) else value
    return list(waiting) if "List" in str(argument.type) else next(waiting)
