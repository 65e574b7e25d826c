"""Averages over whole axes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from compress.base.errors import CodesignError
from compress.model.activation import Activation, Codes
from compress.model.ops.average import round_average
from compress.model.ops.op import Call, Op, RunsOn
from compress.model.ops.operands import single

__all__ = ["Mean"]


@dataclass(frozen=True)
class Mean(Op):
    """``floor((2 * sum + count) / (2 * count))`` over some axes, so half rounds up.

    Members
    -------
    axes : tuple of int
        Ascending, of one sample: (1, 2) are a map's rows and columns.
    keep_axes : bool
        Whether they stay, with size 1.
    """

    KIND: ClassVar = "mean"
    RUNS_ON: ClassVar = RunsOn.HOST
    KEEPS_SCALE: ClassVar = True
    TARGETS: ClassVar = frozenset({"aten.mean.dim"})

    axes: tuple[int, ...]
    keep_axes: bool = False

    def __post_init__(self) -> None:
        if not self.axes or min(self.axes) < 0 or list(self.axes) != sorted(set(self.axes)):
            raise CodesignError(f"mean has the axes {self.axes}", "give each once, ascending, from 0 on")

    @classmethod
    def lower(cls, call: Call, inputs: tuple[Activation, ...], output: Activation) -> Self:
        """Torch's axes, less the batch."""
        dims = call.arguments["dim"]
        dims = (dims,) if isinstance(dims, int) else dims
        rank = len(call.input_shapes[0]) + 1
        if not dims or any(dim % rank == 0 for dim in dims):
            raise call.refuse(f"averages over the axes {dims}", "name axes, and leave the batch (axis 0) out")
        if call.arguments.get("dtype") is not None:
            raise call.refuse("gives another type of numbers", "leave dtype out")
        return cls(tuple(sorted(dim % rank - 1 for dim in dims)), bool(call.arguments["keepdim"]))

    def output(self, inputs: tuple[Activation, ...]) -> Activation:
        """Of the operand's shape without the axes, or with 1 in their places."""
        operand = single(inputs, self.KIND)
        if self.axes[-1] >= len(operand.shape) or (len(self.axes) == len(operand.shape) and not self.keep_axes):
            raise CodesignError(f"mean cannot average {operand.shape} over the axes {self.axes}", "keep an axis")
        kept = [
            1 if axis in self.axes else size
            for axis, size in enumerate(operand.shape)
            if self.keep_axes or axis not in self.axes
        ]
        return replace(operand, shape=tuple(kept))

    def run(self, *codes: Codes) -> Codes:
        """(N, ...)."""
        (operand,) = codes
        axes = tuple(axis + 1 for axis in self.axes)
        sums = operand.sum(axis=axes, dtype=np.int64, keepdims=self.keep_axes)
        return round_average(np.asarray(sums), math.prod(operand.shape[axis] for axis in axes))

    @property
    def is_channelwise(self) -> bool:
        """Unless it averages over channels."""
        return 0 not in self.axes
