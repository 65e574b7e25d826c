"""Every operation by the name that files give it, and by the torch operations that become it."""

from __future__ import annotations

from compress.model.ops.add import Add
from compress.model.ops.op import Op
from compress.model.ops.reshape import Reshape

__all__ = ["OPS", "op_of_target"]

_ALL: tuple[type[Op], ...] = (Add, Reshape)

OPS: dict[str, type[Op]] = {op.KIND: op for op in _ALL}
"""By ``Op.KIND``."""

_BY_TARGET = {target: op for op in _ALL for target in op.TARGETS}


def op_of_target(target: str) -> type[Op] | None:
    """The operation that a torch operation becomes, or None."""
    return _BY_TARGET.get(target)
