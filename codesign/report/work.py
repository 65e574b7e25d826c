"""Who runs each operation of a model, the array or the host, and how much work that is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from codesign.report.report import Work, WorkRow
from compress.model.compressed_model import CompressedModel, Node
from compress.model.layer import CompressedLayer
from compress.model.ops.op import RunsOn

__all__ = ["work_of"]


def work_of(model: CompressedModel, pooled_by_array: Mapping[str, bool]) -> Work:
    """Every node in running order, a layer's pooling by itself.

    A layer's operations are its multiply-accumulates, a pooling's one for each pixel of each window, all others
    those of ``Op.operations``; addresses have none. ``pooled_by_array`` says by layer whether the array pools.
    """
    rows = tuple(row for node in model.nodes for row in _rows(model, node, pooled_by_array))
    return Work(
        rows=rows,
        host_share=_host_share((row.runs_on, row.operations) for row in rows),
        dense_host_share=_host_share((row.runs_on, row.dense_operations) for row in rows),
    )


def _rows(model: CompressedModel, node: Node, pooled_by_array: Mapping[str, bool]) -> Iterator[WorkRow]:
    if not isinstance(node.op, CompressedLayer):
        count = node.op.operations(tuple(model.activations[name] for name in node.inputs))
        yield _row(node.name, node.op.KIND, node.op.RUNS_ON, count)
        return
    layer = node.op
    macs = layer.nonzeros * math.prod(layer.conv_shape[1:])
    yield _row(layer.name, layer.kind.value, RunsOn.ARRAY, macs, layer.macs)
    if layer.pool is not None:
        pixels = math.prod(layer.output_shape) * math.prod(layer.pool.kernel)
        runs_on = RunsOn.ARRAY if pooled_by_array[layer.name] else RunsOn.HOST
        yield _row(f"{layer.name}, pooling", f"{layer.pool.kind.value}_pool", runs_on, pixels)


def _row(name: str, kind: str, runs_on: RunsOn, operations: int, dense: int | None = None) -> WorkRow:
    return WorkRow(
        name=name,
        kind=kind,
        runs_on=runs_on.value,
        operations=operations,
        dense_operations=operations if dense is None else dense,
    )


def _host_share(counts: Iterable[tuple[str, int]]) -> float:
    """Of all operations, 0 where there are none."""
    by_runner = {runner.value: 0 for runner in RunsOn}
    for runner, count in counts:
        by_runner[runner] += count
    return by_runner[RunsOn.HOST.value] / max(1, sum(by_runner.values()))
