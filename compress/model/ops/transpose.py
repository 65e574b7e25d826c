"""The same codes with axes in another order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

from compress.base.errors import CodesignError
from compress.model.activation import Activation, Codes
from compress.model.ops.op import Call, Op, RunsOn
from compress.model.ops.operands import single

__all__ = ["Transpose"]

SWAPPED = {
    "aten.transpose.int": ("dim0", "dim1"),
    "aten.swapdims.default": ("dim0", "dim1"),
    "aten.swapaxes.default": ("axis0", "axis1"),
}


@dataclass(frozen=True)
class Transpose(Op):
    """Axis i of the result is axis ``order[i]`` of the operand.

    Members
    -------
    order : tuple of int
        Axes of one sample.
    """

    KIND: ClassVar = "transpose"
    RUNS_ON: ClassVar = RunsOn.ADDRESSES
    KEEPS_SCALE: ClassVar = True
    TARGETS: ClassVar = frozenset({"aten.permute.default", *SWAPPED})

    order: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.order or sorted(self.order) != list(range(len(self.order))):
            raise CodesignError(f"transpose has the order {self.order}", "name each axis once, from 0 on")

    @classmethod
    def lower(cls, call: Call, inputs: tuple[Activation, ...], output: Activation) -> Self:
        """Torch's order, in which the batch stays first."""
        rank = len(call.input_shapes[0]) + 1
        if call.target in SWAPPED:
            first, second = (call.axis(name) for name in SWAPPED[call.target])
            order = list(range(rank - 1))
            order[first], order[second] = order[second], order[first]
            return cls(tuple(order))
        dims = tuple(dim % rank for dim in call.arguments["dims"])
        if dims[0] != 0:
            raise call.refuse(f"moves the batch: {call.arguments['dims']}", "keep the batch as axis 0")
        return cls(tuple(dim - 1 for dim in dims[1:]))

    def output(self, inputs: tuple[Activation, ...]) -> Activation:
        """The operand with its sizes in the new order."""
        operand = single(inputs, self.KIND)
        if len(operand.shape) != len(self.order):
            raise CodesignError(
                f"transpose orders {len(self.order)} axes, its operand has {operand.shape}", "name as many axes"
            )
        return replace(operand, shape=tuple(operand.shape[axis] for axis in self.order))

    def run(self, *codes: Codes) -> Codes:
        """(N, ...)."""
        (operand,) = codes
        return operand.transpose(0, *(axis + 1 for axis in self.order))
