"""Every operation by the name that files give it, and by the torch operations that become it."""

from __future__ import annotations

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

__all__ = ["OPS", "op_of_target"]

_ALL: tuple[type[Op], ...] = (
    AdaptiveAveragePool,
    Add,
    Affine,
    AveragePool,
    Concat,
    Lookup,
    MaxPool,
    Mean,
    Pad,
    Reshape,
    Scale,
    Slice,
    Transpose,
    Upsample,
)

OPS: dict[str, type[Op]] = {op.KIND: op for op in _ALL}
"""By ``Op.KIND``."""

_BY_TARGET = {target: op for op in _ALL for target in op.TARGETS}


def op_of_target(target: str) -> type[Op] | None:
    """The operation that a torch operation becomes, or None."""
    return _BY_TARGET.get(target)
