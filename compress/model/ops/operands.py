"""What operations ask of their operands' types."""

from __future__ import annotations

import math

from compress.base.errors import CodesignError
from compress.model.activation import Activation

__all__ = ["alike", "broadcast", "check_unsigned", "single", "single_map"]

CALIBRATE = "calibrate again"


def single(inputs: tuple[Activation, ...], kind: str) -> Activation:
    """The only operand."""
    if len(inputs) != 1:
        raise CodesignError(f"{kind} reads {len(inputs)} operands", "give it one")
    return inputs[0]


def single_map(inputs: tuple[Activation, ...], kind: str) -> tuple[Activation, tuple[int, int, int]]:
    """The only operand, and its (C, H, W)."""
    operand = single(inputs, kind)
    if len(operand.shape) != 3:
        raise CodesignError(f"{kind} reads {operand.shape}", "give it a map: channels, rows, columns")
    channels, height, width = operand.shape
    return operand, (channels, height, width)


def alike(inputs: tuple[Activation, ...], kind: str) -> Activation:
    """The first of operands whose codes mean the same numbers."""
    if not inputs:
        raise CodesignError(f"{kind} reads nothing", "give it an operand")
    first = inputs[0]
    for other in inputs[1:]:
        same = (other.bits, other.zero_point, other.signed) == (first.bits, first.zero_point, first.signed)
        if not same or not math.isclose(other.scale, first.scale, rel_tol=1e-9):
            raise CodesignError(f"{kind} reads codes with different meanings: {first} and {other}", CALIBRATE)
    return first


def broadcast(inputs: tuple[Activation, ...], kind: str) -> tuple[int, ...]:
    """The shape of the result where axes of size 1 repeat; all operands have as many axes."""
    shapes = [operand.shape for operand in inputs]
    sizes = [set(axis) - {1} for axis in zip(*shapes, strict=False)]
    if len({len(shape) for shape in shapes}) != 1 or any(len(axis) > 1 for axis in sizes):
        raise CodesignError(
            f"{kind} reads operands of the shapes {', '.join(map(str, shapes))}",
            "give them one shape, or axes of size 1 that repeat",
        )
    return tuple(max(axis, default=1) for axis in sizes)


def check_unsigned(inputs: tuple[Activation, ...], kind: str) -> None:
    """CodesignError for the signed codes of a network's answer."""
    if any(operand.signed for operand in inputs):
        raise CodesignError(f"{kind} reads signed codes", "give its operand a zero point instead")
