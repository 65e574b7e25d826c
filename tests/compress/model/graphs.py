"""What tests of models share: a graph with every kind of member, and when two models are the same."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from compress.model.activation import Activation
from compress.model.compressed_model import INPUT, CompressedModel, Node
from compress.model.layer import CompressedLayer, LayerKind
from compress.model.ops.add import Add
from compress.model.ops.reshape import Reshape
from compress.model.pool import Pool, PoolKind
from compress.model.requantization import Requantization


def assert_same(first: CompressedModel, second: CompressedModel) -> None:
    assert (first.input, first.answer, first.provenance) == (second.input, second.answer, second.provenance)
    assert [(node.name, node.inputs) for node in first.nodes] == [(node.name, node.inputs) for node in second.nodes]
    for one, other in zip(first.nodes, second.nodes, strict=True):
        if isinstance(one.op, CompressedLayer) and isinstance(other.op, CompressedLayer):
            assert_same_layer(one.op, other.op)
        else:
            assert one.op == other.op


def assert_same_layer(one: CompressedLayer, other: CompressedLayer) -> None:
    for name in (member.name for member in fields(one)):
        if name in ("levels", "bias"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), strict=True)
        else:
            assert getattr(one, name) == getattr(other, name), name


def branching() -> CompressedModel:
    """A residual block with a depthwise, dilated convolution, uneven padding and zero points, then a linear layer."""
    conv = _layer("conv", (6, 3, 3, 3), (3, 5, 6), 1 / 255, 0.02, padding=(1, 1), output_zero_point=9)
    depthwise = _layer(
        "depthwise", (6, 1, 3, 2), (6, 5, 6), 0.02, 0.05, groups=6, input_zero_point=9, output_zero_point=128,
        dilation=(1, 2), padding=(1, 0), padding_end=(1, 2), dense_shape=(8, 8, 8),
    )  # fmt: skip
    answer = _layer("fc", (4, 30, 1, 1), (30, 1, 1), 0.03, 0.1, kind=LayerKind.LINEAR, input_zero_point=3, relu=False)
    pooled = _layer(
        "pooled", (5, 6, 1, 1), (6, 5, 6), 0.04, 0.03, input_zero_point=2, output_zero_point=3,
        pool=Pool(PoolKind.AVERAGE, (2, 2), (2, 2)),
    )  # fmt: skip
    return CompressedModel(
        Activation((3, 5, 6), 8, 1 / 255),
        (
            Node("conv", conv, (INPUT,)),
            Node("depthwise", depthwise, ("conv",)),
            Node("sum", Add((300, -700), 1 << 12, 10, 8, 0.04, 2), ("conv", "depthwise")),
            Node("pooled", pooled, ("sum",)),
            Node("flat", Reshape((30,)), ("pooled",)),
            Node("fc", answer, ("flat",)),
        ),
        "fc",
        {"network": "test", "seed": 3},
    )


def _layer(
    name: str,
    shape: tuple[int, int, int, int],
    reads: tuple[int, int, int],
    input_scale: float,
    output_scale: float,
    **members: Any,
) -> CompressedLayer:
    random = np.random.default_rng(len(name))
    defaults: dict[str, Any] = {"kind": LayerKind.CONV2D, "weight_bits": 4, "interval": 0.25}
    return CompressedLayer(
        name=name,
        levels=(random.integers(-8, 9, shape) * (random.random(shape) < 0.5)).astype(np.int16),
        bias=random.integers(-900, 900, shape[0]).astype(np.int32),
        input_shape=reads,
        requantization=Requantization(300, 15),
        input_scale=input_scale,
        output_scale=output_scale,
        **{**defaults, **members},
    )
