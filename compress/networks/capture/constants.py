"""Operations with constants, as a factor and an offset for each channel."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from compress.model.ops.op import Call

__all__ = ["AFFINE", "after", "by_constant", "normalization"]

AFFINE = "codesign.affine.default"
"""A call's target: ``factor * x + offset``, one number for each channel."""

PRELU = "aten.prelu.default"
SUMS, DIFFERENCES = ("aten.add", "aten.add_"), ("aten.sub", "aten.sub_")
PRODUCTS, QUOTIENTS = ("aten.mul", "aten.mul_"), ("aten.div", "aten.div_")


def by_constant(call: Call, constant: Tensor | float, first: bool) -> Call:
    """A sum, difference, product or quotient of an activation and a constant; ``first`` where the constant is ``self``.

    A PReLU of one slope keeps it as a number.

    CodesignError for other operations, and for constants that differ within a channel.
    """
    if call.target == PRELU and isinstance(constant, Tensor) and constant.numel() == 1 and not first:
        slope = 1.0 if constant.is_meta else float(constant)
        return replace(call, arguments={**call.arguments, "weight": slope})
    values = _by_channel(call, constant)
    operation = call.target.rpartition(".")[0]
    alpha = float(call.arguments.get("alpha", 1.0))
    one, zero = torch.ones_like(values), torch.zeros_like(values)
    if operation in SUMS:
        return _affine(call, (alpha * one, values) if first else (one, alpha * values))
    if operation in DIFFERENCES:
        return _affine(call, (-alpha * one, values) if first else (one, -alpha * values))
    if operation == "aten.rsub":
        return _affine(call, (-alpha * one, values))
    if operation in PRODUCTS:
        return _affine(call, (values, zero))
    if operation in QUOTIENTS and not first and call.arguments.get("rounding_mode") is None:
        return _affine(call, (1 / values, zero))
    raise call.refuse("computes with a constant", "use +, -, * or / with one number for each channel")


def normalization(call: Call, constants: dict[str, Tensor]) -> Call:
    """A batch normalization in evaluation mode, by its running statistics."""
    mean, variance = constants.get("running_mean"), constants.get("running_var")
    if call.arguments["training"] or mean is None or variance is None:
        raise call.refuse("keeps no running statistics", "use track_running_stats=True, and evaluation mode")
    if not variance.is_meta and bool((variance + call.arguments["eps"] <= 0).any()):
        raise call.refuse("has a negative running variance", "train the network again, or correct it")
    factor = torch.rsqrt(variance.double() + call.arguments["eps"])
    if "weight" in constants:
        factor = factor * constants["weight"].double()
    offset = -mean.double() * factor
    if "bias" in constants:
        offset = offset + constants["bias"].double()
    return _affine(call, (factor, offset))


def after(first: Call, second: Call) -> Call:
    """One affine call that does ``second`` after ``first``, under the name of ``second``."""
    before, then = first.arguments, second.arguments
    pairs = list(zip(before["factor"], before["offset"], then["factor"], then["offset"], strict=True))
    arguments = {
        "factor": tuple(outer * inner for inner, _, outer, _ in pairs),
        "offset": tuple(outer * shift + more for _, shift, outer, more in pairs),
    }
    return replace(second, inputs=first.inputs, input_shapes=first.input_shapes, arguments=arguments)


def _by_channel(call: Call, constant: Tensor | float) -> Tensor:
    """(C,) float64."""
    shape = call.shape
    if not isinstance(constant, Tensor):
        return torch.full(shape[:1], float(constant), dtype=torch.float64)
    sizes = (1,) * (len(shape) + 1 - constant.ndim) + tuple(constant.shape)
    if len(sizes) != len(shape) + 1 or sizes[0] != 1 or math.prod(sizes) not in (1, sizes[1]):
        raise call.refuse(
            f"computes with a constant of shape {tuple(constant.shape)}", "use one number for each channel"
        )
    if constant.is_meta:
        return torch.ones(shape[:1], dtype=torch.float64)
    return constant.double().reshape(-1).expand(shape[0]).cpu()


def _affine(call: Call, numbers: tuple[Tensor, Tensor]) -> Call:
    factor, offset = (tuple(map(float, _readable(each))) for each in numbers)
    if not all(map(math.isfinite, (*factor, *offset))):
        raise call.refuse("multiplies by a number that is infinite or NaN", "train the network again, or correct it")
    arguments: dict[str, Any] = {"factor": factor, "offset": offset}
    return replace(call, target=AFFINE, arguments=arguments)


def _readable(values: Tensor) -> list[float]:
    return [1.0] * len(values) if values.is_meta else values.tolist()
