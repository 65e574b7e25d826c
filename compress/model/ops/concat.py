"""Activations one behind the other along an axis."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from compress.base.errors import CodesignError
from compress.model.activation import Activation, Codes
from compress.model.ops.op import Call, Op, RunsOn
from compress.model.ops.operands import alike

__all__ = ["Concat"]


@dataclass(frozen=True)
class Concat(Op):
    """Operands one behind the other.

    Members
    -------
    axis : int
        Of one sample: 0 are a map's channels.
    """

    KIND: ClassVar = "concat"
    RUNS_ON: ClassVar = RunsOn.ADDRESSES
    KEEPS_SCALE: ClassVar = True
    TARGETS: ClassVar = frozenset({"aten.cat.default", "aten.concat.default", "aten.concatenate.default"})

    axis: int

    @classmethod
    def lower(cls, call: Call, inputs: tuple[Activation, ...], output: Activation) -> Self:
        """Torch's axis, less the batch."""
        return cls(call.axis("dim"))

    def output(self, inputs: tuple[Activation, ...]) -> Activation:
        """As long along the axis as all operands together."""
        first = alike(inputs, self.KIND)
        shapes = [operand.shape for operand in inputs]
        if not 0 <= self.axis < len(first.shape) or len({self._without_axis(shape) for shape in shapes}) != 1:
            raise CodesignError(
                f"concat along the axis {self.axis} reads operands of the shapes {', '.join(map(str, shapes))}",
                "give them one shape, but for the axis",
            )
        length = sum(shape[self.axis] for shape in shapes)
        return replace(first, shape=(*first.shape[: self.axis], length, *first.shape[self.axis + 1 :]))

    def run(self, *codes: Codes) -> Codes:
        """(N, ...)."""
        return np.concatenate(codes, axis=self.axis + 1)

    def _without_axis(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[: self.axis], -1, *shape[self.axis + 1 :])
