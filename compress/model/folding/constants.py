"""Channels that are the same for every image, in every pixel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compress.model.activation import Activation
from compress.model.compressed_model import INPUT, CompressedModel, Node
from compress.model.folding.ties import NodeTies
from compress.model.layer import CompressedLayer

__all__ = ["ConstantChannels", "constant_channels"]


@dataclass(frozen=True, eq=False)
class ConstantChannels:
    """Of one activation: which channels are constant, (C,), and their codes there, 0 elsewhere."""

    known: NDArray[np.bool_]
    codes: NDArray[np.int64]


def constant_channels(model: CompressedModel, ties: Mapping[str, NodeTies]) -> dict[str, ConstantChannels]:
    """By node, and of ``INPUT``, none of whose channels is."""
    found = {INPUT: _none(model.input)}
    for node in model.nodes:
        operands = [found[name] for name in node.inputs]
        if isinstance(node.op, CompressedLayer):
            found[node.name] = _of_layer(node.op)
        else:
            found[node.name] = _of_op(node, model.activations, operands, ties[node.name])
    return found


def _none(activation: Activation) -> ConstantChannels:
    channels = activation.shape[0]
    return ConstantChannels(np.zeros(channels, bool), np.zeros(channels, np.int64))


def _of_layer(layer: CompressedLayer) -> ConstantChannels:
    """Filters without weights: their bias, requantized. Pooling keeps a constant."""
    known = np.asarray(~layer.levels.any(axis=(1, 2, 3)))
    lowest, highest = layer.code_range
    codes = np.clip(layer.requantization.scaled(layer.bias.astype(np.int64)), lowest, highest)
    return ConstantChannels(known, np.where(known, codes, 0))


def _of_op(
    node: Node, types: Mapping[str, Activation], operands: list[ConstantChannels], ties: NodeTies
) -> ConstantChannels:
    """Channels that depend on constants alone; their codes are what the operation gives, if that is one code."""
    none = _none(types[node.name])
    if ties is None or isinstance(node.op, CompressedLayer):
        return none
    known = np.ones(types[node.name].shape[0], bool)
    for operand, tie in zip(operands, ties, strict=True):
        known[tie.result[~operand.known[tie.operand]]] = False
    if not known.any():
        return none
    maps = [_filled(types[name], operand) for name, operand in zip(node.inputs, operands, strict=True)]
    channels = node.op.run(*maps)[0].astype(np.int64).reshape(len(known), -1)
    known &= channels.min(axis=1) == channels.max(axis=1)
    return ConstantChannels(known, np.where(known, channels[:, 0], 0))


def _filled(activation: Activation, constants: ConstantChannels) -> NDArray[np.int16]:
    codes = constants.codes.astype(np.int16).reshape(-1, *(1 for _ in activation.shape[1:]))
    return np.broadcast_to(codes, (1, *activation.shape))
