"""Constant channels move into the biases of the layers that read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from compress.model.compressed_model import CompressedModel
from compress.model.folding.constants import ConstantChannels
from compress.model.layer import CompressedLayer

__all__ = ["absorb_constants"]

LARGEST_BIAS = 2**31 - 1


def absorb_constants(model: CompressedModel, constants: Mapping[str, ConstantChannels]) -> CompressedModel:
    """The same function, whose layers have no weights for constant channels; the same model where none had."""
    nodes = tuple(
        replace(node, op=_absorbed(node.op, constants[node.inputs[0]]))
        if isinstance(node.op, CompressedLayer)
        else node
        for node in model.nodes
    )
    unchanged = all(after.op is before.op for after, before in zip(nodes, model.nodes, strict=True))
    return model if unchanged else replace(model, nodes=nodes)


def _absorbed(layer: CompressedLayer, constants: ConstantChannels) -> CompressedLayer:
    """``bias + code * sum of levels``, without these levels; as it is where that leaves the bias's 32 bits."""
    absorbed = _of_filters(layer, constants.known & _same_at_borders(layer, constants.codes))
    if not layer.levels[absorbed].any():
        return layer
    sums = layer.levels.sum(axis=(2, 3), dtype=np.int64) * absorbed
    bias = layer.bias + (sums * _of_filters(layer, constants.codes)).sum(axis=1)
    if np.abs(bias).max() > LARGEST_BIAS:
        return layer
    levels = np.where(absorbed[:, :, None, None], np.int16(0), layer.levels)
    return replace(layer, levels=levels, bias=bias.astype(np.int32))


def _same_at_borders(layer: CompressedLayer, codes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which constants a layer reads in every place of its kernel: all if it pads nothing, else the padding's code."""
    padded = any((*layer.padding, *(layer.padding_end or ())))
    return (codes == layer.input_zero_point) if padded else np.ones(len(codes), bool)


def _of_filters(layer: CompressedLayer, of_channels: NDArray[np.generic]) -> NDArray[np.generic]:
    """(K, C / groups) what (C,) values are for each filter's channels."""
    by_group = of_channels.reshape(layer.groups, -1)
    return np.repeat(by_group, len(layer.levels) // layer.groups, axis=0)
