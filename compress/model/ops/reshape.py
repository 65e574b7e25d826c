"""The same codes in another shape."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from compress.base.errors import CodesignError
from compress.model.activation import Activation, Codes
from compress.model.ops.op import Call, Mask, Op, RunsOn
from compress.model.ops.operands import single

__all__ = ["Reshape"]


@dataclass(frozen=True)
class Reshape(Op):
    """Codes of one sample in C order, read as ``shape``: flatten, view, squeeze and unsqueeze."""

    KIND: ClassVar = "reshape"
    RUNS_ON: ClassVar = RunsOn.ADDRESSES
    KEEPS_SCALE: ClassVar = True
    TARGETS: ClassVar = frozenset(
        {
            "aten.flatten.using_ints",
            "aten.view.default",
            "aten.reshape.default",
            "aten.squeeze.dim",
            "aten.squeeze.dims",
            "aten.squeeze.default",
            "aten.unsqueeze.default",
            "aten.unflatten.int",
        }
    )

    shape: tuple[int, ...]

    @classmethod
    def lower(cls, call: Call, inputs: tuple[Activation, ...], output: Activation) -> Self:
        """Capture has checked that the batch stays axis 0, so the result's shape says everything."""
        return cls(call.shape)

    def output(self, inputs: tuple[Activation, ...]) -> Activation:
        """The operand with another shape."""
        operand = single(inputs, self.KIND)
        if math.prod(operand.shape) != math.prod(self.shape):
            raise CodesignError(f"{operand.shape} cannot become {self.shape}", "keep the number of elements")
        return replace(operand, shape=self.shape)

    def run(self, *codes: Codes) -> Codes:
        """(N, *shape)."""
        (operand,) = codes
        return operand.reshape(len(operand), *self.shape)

    def keep_channels(self, operands: tuple[Mask, ...], result: Mask) -> Self:
        """Elements stay in C order, so the rest of the shape stays too."""
        return type(self)((int(result.sum()), *self.shape[1:]))
