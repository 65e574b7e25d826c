"""Channels that can only leave a graph together: those of an operation's operands and of its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compress.model.activation import Activation
from compress.model.compressed_model import CompressedModel
from compress.model.layer import CompressedLayer
from compress.model.ops.op import Op, RunsOn

__all__ = ["NodeTies", "Tie", "sources", "ties"]

Channels = NDArray[np.int64]
NOWHERE = -1


@dataclass(frozen=True, eq=False)
class Tie:
    """Pairs of channels, positions along axis 0: of an operand, and of a result that depends on it."""

    operand: Channels
    result: Channels


NodeTies = tuple[Tie, ...] | None
"""One ``Tie`` an operand; None where an operation's channels cannot be told apart, so that all must stay."""


def ties(model: CompressedModel) -> dict[str, NodeTies]:
    """By node. A channel of a result depends on the channels tied to it and on no others.

    A convolution of one group ties nothing, since each of its filters can read any of its channels.
    """
    types = model.activations
    return {
        node.name: _ties(node.op, tuple(types[name] for name in node.inputs), types[node.name]) for node in model.nodes
    }


def sources(op: Op, operands: Sequence[Activation]) -> NDArray[np.int64] | None:
    """Where each element of an address operation's result comes from: the number of its channel, or ``NOWHERE``.

    Channels are counted through all operands. Found by running the operation on these numbers, and once more on others:
    what is equal then is no operand's. None if the operation does not carry them.
    """
    counts = np.cumsum([0, *(operand.shape[0] for operand in operands)])
    numbered = [_numbered(operand.shape, int(first)) for operand, first in zip(operands, counts[:-1], strict=True)]
    given = op.run(*numbered)  # type: ignore[arg-type]
    other = op.run(*(numbers + counts[-1] for numbers in numbered))
    return np.where(given == other, NOWHERE, given)[0] if given.dtype == np.int64 else None


def _ties(op: CompressedLayer | Op, operands: tuple[Activation, ...], result: Activation) -> NodeTies:
    if isinstance(op, CompressedLayer):
        return (_groups(op),)
    if op.is_channelwise:
        channels = np.arange(result.shape[0])
        return tuple(Tie(np.minimum(channels, operand.shape[0] - 1), channels) for operand in operands)
    if op.RUNS_ON is RunsOn.ADDRESSES:
        found = sources(op, operands)
        return None if found is None else _by_operand(found, operands)
    return None


def _groups(layer: CompressedLayer) -> Tie:
    """All channels and filters of a group, with its first channel and its first filter."""
    if layer.groups == 1:
        return Tie(np.zeros(0, np.int64), np.zeros(0, np.int64))
    filters, channels = len(layer.levels) // layer.groups, layer.levels.shape[1]
    inputs, outputs = np.arange(channels * layer.groups), np.arange(len(layer.levels))
    first_input, first_output = outputs // filters * channels, inputs // channels * filters
    return Tie(np.concatenate([first_input, inputs]), np.concatenate([outputs, first_output]))


def _by_operand(found: NDArray[np.int64], operands: Sequence[Activation]) -> tuple[Tie, ...]:
    """The different pairs of each operand."""
    rows = found.reshape(len(found), -1)
    results = np.repeat(np.arange(len(rows)), rows.shape[1])
    pairs = np.unique(np.stack([rows.reshape(-1), results], axis=1), axis=0)
    result, first = [], 0
    for operand in operands:
        mine = pairs[(pairs[:, 0] >= first) & (pairs[:, 0] < first + operand.shape[0])]
        result.append(Tie(mine[:, 0] - first, mine[:, 1]))
        first += operand.shape[0]
    return tuple(result)


def _numbered(shape: tuple[int, ...], first: int) -> NDArray[np.int64]:
    numbers = np.arange(first, first + shape[0], dtype=np.int64)
    return np.broadcast_to(numbers.reshape(-1, *(1 for _ in shape[1:])), (1, *shape))
