"""Channels that nothing reads leave the graph, with the filters that compute them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from compress.base.errors import CodesignError
from compress.model.activation import Activation
from compress.model.compressed_model import INPUT, CompressedModel, Node
from compress.model.folding.ties import NOWHERE, NodeTies, sources
from compress.model.layer import CompressedLayer
from compress.model.ops.op import Mask, Op, RunsOn

__all__ = ["drop_dead_channels"]

Bits = NDArray[np.int64]


def drop_dead_channels(model: CompressedModel, ties: Mapping[str, NodeTies]) -> CompressedModel:
    """The same function on the channels that something reads; the same model where all are read.

    Channels of the images and of the answer stay, and at least one of every activation: where nothing reads that one,
    its filter has no weights. Channels that an operation ties to each other leave together or not at all.
    """
    whole = {name for name, tie in ties.items() if tie is None}
    while True:
        liveness = _Liveness(model, ties, whole)
        read = liveness.read
        kept = liveness.kept()
        ops = [_smaller(node, kept, read[node.name], model) for node in model.nodes]
        if all(op is node.op for op, node in zip(ops, model.nodes, strict=True)):
            return model
        nodes = [replace(node, op=op) for node, op in zip(model.nodes, ops, strict=True) if op is not None]
        if len(nodes) == len(ops):
            return replace(model, nodes=tuple(nodes))
        whole |= {node.name for node, op in zip(model.nodes, ops, strict=True) if op is None}


class _Liveness:
    """One bit for each channel of each activation: whether something needs it."""

    def __init__(self, model: CompressedModel, ties: Mapping[str, NodeTies], whole: set[str]) -> None:
        counts = {name: activation.shape[0] for name, activation in model.activations.items()}
        ends = np.cumsum(list(counts.values()))
        self._slices = {name: slice(end - counts[name], end) for name, end in zip(counts, ends.tolist(), strict=True)}
        self._live = np.zeros(ends[-1], bool)
        self._pairs = self._tied(model, ties)
        for name in (INPUT, model.answer):
            self._live[self._slices[name]] = True
        for node in model.nodes:
            self._mark_reads(node, node.name in whole)
        self._spread()

    @property
    def read(self) -> dict[str, Mask]:
        """By activation."""
        return {name: self._live[part].copy() for name, part in self._slices.items()}

    def kept(self) -> dict[str, Mask]:
        """By activation: those that are read, and the first channel where none is."""
        for part in self._slices.values():
            if not self._live[part].any():
                self._live[part.start] = True
                self._spread()
        return self.read

    def _tied(
        self, model: CompressedModel, ties: Mapping[str, NodeTies]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All ties as pairs of bits."""
        operands, results = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for node in model.nodes:
            for name, tie in zip(node.inputs, ties[node.name] or (), strict=False):
                operands.append(tie.operand + self._slices[name].start)
                results.append(tie.result + self._slices[node.name].start)
        return np.concatenate(operands), np.concatenate(results)

    def _mark_reads(self, node: Node, whole: bool) -> None:
        """Channels that a layer has weights for; a grouped layer needs its own only where its tied filters are read."""
        if whole:
            for name in (*node.inputs, node.name):
                self._live[self._slices[name]] = True
        elif isinstance(node.op, CompressedLayer) and node.op.groups == 1:
            self._live[self._slices[node.inputs[0]]] |= node.op.levels.any(axis=(0, 2, 3))

    def _spread(self) -> None:
        """Through ties, until nothing changes."""
        first, second = self._pairs
        before = -1
        while before != (before := int(self._live.sum())):
            self._live[second[self._live[first]]] = True
            self._live[first[self._live[second]]] = True


def _smaller(node: Node, kept: Mapping[str, Mask], read: Mask, model: CompressedModel) -> CompressedLayer | Op | None:
    """The node's operation on the channels that are kept; None if it cannot do without the others."""
    operands, result = tuple(kept[name] for name in node.inputs), kept[node.name]
    op = _without_weights(node.op, ~read) if isinstance(node.op, CompressedLayer) else node.op
    if all(mask.all() for mask in (*operands, result)):
        return op
    if isinstance(op, CompressedLayer):
        return _smaller_layer(op, operands[0], result)
    smaller = op.keep_channels(operands, result)
    return smaller if smaller is not None and _gives_the_same(node, smaller, kept, model) else None


def _without_weights(layer: CompressedLayer, filters: Mask) -> CompressedLayer:
    """The layer whose named filters are empty."""
    if not layer.levels[filters].any():
        return layer
    return replace(layer, levels=np.where(filters[:, None, None, None], np.int16(0), layer.levels))


def _smaller_layer(layer: CompressedLayer, channels: Mask, filters: Mask) -> CompressedLayer:
    levels = layer.levels[filters]
    groups = layer.groups
    if groups == 1:
        levels = levels[:, channels]
    else:
        groups = int(channels.reshape(groups, -1)[:, 0].sum())
    return replace(
        layer,
        levels=np.ascontiguousarray(levels),
        bias=layer.bias[filters],
        input_shape=(int(channels.sum()), *layer.input_shape[1:]),
        groups=groups,
        dense_shape=layer.dense_shape or (len(layer.levels), layer.input_shape[0], layer.groups),
    )


def _gives_the_same(node: Node, op: Op, kept: Mapping[str, Mask], model: CompressedModel) -> bool:
    """Whether an operation on fewer channels fits them, and, of addresses, reads every element where it did before."""
    assert isinstance(node.op, Op)
    before = tuple(model.activations[name] for name in node.inputs)
    after = tuple(_smaller_activation(operand, kept[name]) for name, operand in zip(node.inputs, before, strict=True))
    try:
        fits = op.output(after) == _smaller_activation(model.activations[node.name], kept[node.name])
    except CodesignError:
        return False
    if not fits or op.RUNS_ON is not RunsOn.ADDRESSES:
        return fits
    old, new = sources(node.op, before), sources(op, after)
    if old is None or new is None:
        return False
    left = np.concatenate([kept[name] for name in node.inputs])
    numbers = np.append(np.cumsum(left) - 1, NOWHERE)  # the last is that of NOWHERE, -1
    return np.array_equal(numbers[old[kept[node.name]]], new)


def _smaller_activation(activation: Activation, kept: Mask) -> Activation:
    return replace(activation, shape=(int(kept.sum()), *activation.shape[1:]))
