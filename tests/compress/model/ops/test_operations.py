"""How much work an operation is, in the elementary operations that reports count."""

from __future__ import annotations

import pytest

from compress.model.activation import Activation
from compress.model.ops.add import Add
from compress.model.ops.average_pool import AveragePool
from compress.model.ops.max_pool import MaxPool
from compress.model.ops.mean import Mean
from compress.model.ops.op import Op
from compress.model.ops.reshape import Reshape

MAP = Activation((3, 8, 6), 8, 0.1)


@pytest.mark.parametrize(
    ("op", "operands", "count"),
    [
        (Add((300, 300), 0, 10, 8, 0.1, 0), 2, 2 * 144),
        (Mean((1, 2)), 1, 144),
        (MaxPool((3, 3), (2, 2), (1, 1)), 1, 9 * 3 * 4 * 3),
        (AveragePool((2, 2), (2, 2)), 1, 144),
        (Reshape((144,)), 1, 0),
    ],
    ids=lambda value: value.KIND if isinstance(value, Op) else None,
)
def test_operations_are_counted_by_what_is_read_or_written(op: Op, operands: int, count: int) -> None:
    assert op.operations((MAP,) * operands) == count
