"""An integer network computed by torch in double precision, independently of the golden model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from compress.data.datasets import Split
from compress.model.activation import Activation
from compress.model.compressed_model import INPUT, CompressedModel, Node
from compress.model.layer import CompressedLayer
from compress.model.ops.adaptive_average_pool import AdaptiveAveragePool
from compress.model.ops.add import Add
from compress.model.ops.affine import Affine
from compress.model.ops.average_pool import AveragePool
from compress.model.ops.concat import Concat
from compress.model.ops.lookup import Lookup
from compress.model.ops.max_pool import MaxPool
from compress.model.ops.mean import Mean
from compress.model.ops.op import Op
from compress.model.ops.pad import Pad
from compress.model.ops.reshape import Reshape
from compress.model.ops.scale import Scale
from compress.model.ops.slice import Slice
from compress.model.ops.transpose import Transpose
from compress.model.ops.upsample import Upsample
from compress.model.pool import PoolKind

__all__ = ["REFERENCES", "run_reference"]


def run_reference(model: CompressedModel, split: Split) -> Tensor:
    """(N, ...) float64 codes of the model's answer to a split's pixels."""
    pixels = split.pixels.double().reshape(-1, *model.input_shape)
    image = model.input
    codes = {INPUT: (torch.round(pixels / image.scale) + image.zero_point).clamp(image.lowest, image.highest)}
    for node in model.nodes:
        operands = [codes[name] for name in node.inputs]
        codes[node.name] = _run_node(model, node, operands)
    return codes[model.answer]


def _run_node(model: CompressedModel, node: Node, operands: list[Tensor]) -> Tensor:
    if isinstance(node.op, CompressedLayer):
        return _layer(node.op, operands[0]).reshape(-1, *node.op.gives)
    types = [model.activations[name] for name in node.inputs]
    return REFERENCES[type(node.op)](node.op, operands, types)


def _layer(layer: CompressedLayer, codes: Tensor) -> Tensor:
    (top, left), (bottom, right) = layer.padding, layer.padding_end or layer.padding
    maps = codes.reshape(-1, *layer.input_shape)
    padded = functional.pad(maps, (left, right, top, bottom), value=float(layer.input_zero_point))
    weights, bias = torch.from_numpy(layer.levels.astype(float)), torch.from_numpy(layer.bias.astype(float))
    sums = functional.conv2d(padded, weights, bias, layer.stride, 0, layer.dilation, layer.groups)
    scale = layer.requantization
    half = 2 ** (layer.act_bits - 1)
    outputs = _shifted(sums * scale.multiplier, scale.shift)
    outputs = outputs.clamp(0, 2 * half - 1) if layer.relu else outputs.clamp(-half, half - 1)
    if layer.pool is None:
        return outputs
    if layer.pool.kind is PoolKind.MAX:
        return functional.max_pool2d(outputs, layer.pool.kernel, layer.pool.stride)
    return _rounded(functional.avg_pool2d(outputs, layer.pool.kernel, layer.pool.stride))


def _shifted(sums: Tensor, shift: int) -> Tensor:
    """Exact below 2**52."""
    return torch.floor((sums + 2.0 ** (shift - 1)) / 2.0**shift)


def _rounded(averages: Tensor) -> Tensor:
    """Half up; averages of whole numbers are at least 2**-20 apart from a half that they are not."""
    return torch.floor(averages + 0.5 + 2.0**-24)


def _saturated(op: Any, sums: Tensor) -> Tensor:
    return _shifted(sums, op.shift).clamp(0, 2**op.bits - 1)


def _add(op: Add, operands: list[Tensor], _: list[Activation]) -> Tensor:
    weighted = (operand * factor for operand, factor in zip(operands, op.multipliers, strict=True))
    return _saturated(op, sum(weighted, torch.tensor(float(op.offset), dtype=torch.float64)))


def _affine(op: Affine, operands: list[Tensor], _: list[Activation]) -> Tensor:
    shape = (-1, *[1] * (operands[0].ndim - 2))
    factors, offsets = (torch.tensor(each, dtype=torch.float64).reshape(shape) for each in (op.multipliers, op.offsets))
    return _saturated(op, operands[0] * factors + offsets)


def _scale(op: Scale, operands: list[Tensor], _: list[Activation]) -> Tensor:
    first, second = (operand - zero for operand, zero in zip(operands, op.zero_points, strict=True))
    return _saturated(op, first * second * op.multiplier + op.zero_point * 2.0**op.shift)


def _lookup(op: Lookup, operands: list[Tensor], _: list[Activation]) -> Tensor:
    return torch.tensor(op.table, dtype=torch.float64)[operands[0].long()]


def _max_pool(op: MaxPool, operands: list[Tensor], _: list[Activation]) -> Tensor:
    return functional.max_pool2d(operands[0], op.kernel, op.stride, op.padding, op.dilation, op.ceil_mode)


def _average_pool(op: AveragePool, operands: list[Tensor], types: list[Activation]) -> Tensor:
    zero = types[0].zero_point
    averages = functional.avg_pool2d(
        operands[0] - zero, op.kernel, op.stride, op.padding, op.ceil_mode, op.count_padding, op.divisor or None
    )
    return _rounded(averages + zero)


def _adaptive(op: AdaptiveAveragePool, operands: list[Tensor], _: list[Activation]) -> Tensor:
    return _rounded(functional.adaptive_avg_pool2d(operands[0], op.size))


def _mean(op: Mean, operands: list[Tensor], _: list[Activation]) -> Tensor:
    return _rounded(operands[0].mean([axis + 1 for axis in op.axes], keepdim=op.keep_axes))


def _slice(op: Slice, operands: list[Tensor], _: list[Activation]) -> Tensor:
    places = torch.arange(op.start, op.stop, op.step)
    taken = operands[0].index_select(op.axis + 1, places)
    return taken if op.keep_axis else taken.squeeze(op.axis + 1)


def _pad(op: Pad, operands: list[Tensor], types: list[Activation]) -> Tensor:
    widths = [width for pair in zip(reversed(op.before), reversed(op.after), strict=True) for width in pair]
    return functional.pad(operands[0], widths, value=float(types[0].zero_point))


def _upsample(op: Upsample, operands: list[Tensor], _: list[Activation]) -> Tensor:
    result = operands[0]
    for axis, factor in enumerate(op.factors):
        result = result.repeat_interleave(factor, axis + 1)
    return result


REFERENCES: dict[type[Op], Callable[..., Tensor]] = {
    Add: _add,
    Affine: _affine,
    Scale: _scale,
    Lookup: _lookup,
    MaxPool: _max_pool,
    AveragePool: _average_pool,
    AdaptiveAveragePool: _adaptive,
    Mean: _mean,
    Slice: _slice,
    Pad: _pad,
    Upsample: _upsample,
    Concat: lambda op, operands, _: torch.cat(operands, op.axis + 1),
    Reshape: lambda op, operands, _: operands[0].reshape(-1, *op.shape),
    Transpose: lambda op, operands, _: operands[0].permute(0, *(axis + 1 for axis in op.order)),
}
"""Each operation's answer (N, ...) to its operands, given their types."""
