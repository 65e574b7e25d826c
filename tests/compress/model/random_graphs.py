"""Small graphs of every operation, drawn by Hypothesis, most of whose filters are empty."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.random import Generator

from compress.base.errors import CodesignError
from compress.model.activation import Activation
from compress.model.compressed_model import INPUT, CompressedModel, Node
from compress.model.layer import CompressedLayer, LayerKind
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
from compress.model.pool import Pool, PoolKind
from compress.model.requantization import Requantization

SCALE = 0.05
HIGHEST = 255
LARGEST_TENSOR = 600


class _Builder:
    """A graph that grows; all activations share one scale and one zero point, so that any two fit each other."""

    def __init__(self, shape: tuple[int, int, int], zero_point: int, random: Generator) -> None:
        self.random, self.zero_point = random, zero_point
        self.nodes: list[Node] = []
        self.types = {INPUT: Activation(shape, 8, SCALE, zero_point)}

    def add(self, op: CompressedLayer | Op, *inputs: str) -> str:
        """The new node's name."""
        name = op.name if isinstance(op, CompressedLayer) else f"n{len(self.nodes)}"
        self.types[name] = op.output(tuple(self.types[operand] for operand in inputs))
        self.nodes.append(Node(name, op, inputs))
        return name

    def some(self, like: str | None = None) -> str:
        """An activation, mostly a late one; of the shape of another."""
        names = [name for name in self.types if like is None or self.types[name].shape == self.types[like].shape]
        return names[max(self.random.integers(len(names)), self.random.integers(len(names)))]

    def some_map(self) -> str:
        names = [name for name, activation in self.types.items() if len(activation.shape) == 3]
        return names[max(self.random.integers(len(names)), self.random.integers(len(names)))]

    def pick(self, *choices: Any) -> Any:
        return choices[self.random.integers(len(choices))]

    def layer(self, name: str, groups: int = 0) -> None:
        """A convolution with empty filters and biases that give every kind of constant."""
        channels, height, width = self.types[name].shape
        groups = groups or self.pick(1, 1, 1, *(part for part in (2, channels) if channels % part == 0))
        shape = groups * self.pick(1, 2, 3), channels // groups, self.pick(1, 2, 3), self.pick(1, 3)
        layer = self.made(
            shape,
            (channels, height, width),
            kind=LayerKind.CONV2D,
            groups=groups,
            padding=(self.pick(0, 0, 1), self.pick(0, 0, 1)),
            padding_end=self.pick(None, None, (1, 0)),
            stride=(self.pick(1, 2), 1),
            pool=self.pick(None, None, Pool(self.pick(*PoolKind), (2, 2), (2, 1))),
        )
        self.add(layer, name)

    def made(self, shape: tuple[int, ...], reads: tuple[int, int, int], **members: Any) -> CompressedLayer:
        levels = self.random.integers(-8, 9, shape) * (self.random.random(shape) < 0.4)
        levels[self.random.random(shape[0]) < 0.5] = 0
        defaults: dict[str, Any] = {"output_zero_point": self.zero_point}
        return CompressedLayer(
            name=f"layer{len(self.nodes)}",
            levels=levels.astype(np.int16),
            weight_bits=4,
            interval=0.5,
            bias=self.random.choice([-100, 0, 2 * self.zero_point, 40, 77, 900], shape[0]).astype(np.int32),
            input_shape=reads,
            requantization=Requantization(1, 1),
            input_scale=SCALE,
            output_scale=SCALE,
            input_zero_point=self.zero_point,
            **{**defaults, **members},
        )

    def model(self) -> CompressedModel:
        """All that nothing reads yet, flattened, one behind the other, before a linear layer."""
        read = {name for node in self.nodes for name in node.inputs}
        loose = [name for name in self.types if name not in read] or [INPUT]
        flat = [self.add(Reshape((math.prod(self.types[name].shape),)), name) for name in loose]
        features = self.add(Concat(0), *flat) if len(flat) > 1 else flat[0]
        size = self.types[features].shape[0]
        reads = size, 1, 1
        answer = self.made((3, *reads), reads, kind=LayerKind.LINEAR, relu=False, output_zero_point=0)
        name = self.add(answer, features)
        return CompressedModel(self.types[INPUT], tuple(self.nodes), name, {"network": "random"})


def _own_type(builder: _Builder) -> tuple[int, float, int]:
    return 8, SCALE, builder.zero_point


def _gate(builder: _Builder) -> None:
    name = builder.some_map()
    gate = builder.add(Mean((1, 2), keep_axes=True), name)
    zero_points = (builder.zero_point, builder.zero_point)
    builder.add(Scale(300, 12, zero_points, *_own_type(builder)), name, gate)


def _affine(builder: _Builder) -> None:
    name = builder.some()
    channels = builder.types[name].shape[0]
    factors, offsets = (builder.random.integers(low, 3000, channels).tolist() for low in (-3000, -90_000))
    builder.add(Affine(tuple(factors), tuple(offsets), 11, *_own_type(builder)), name)


def _slice(builder: _Builder) -> None:
    name = builder.some()
    axis = int(builder.random.integers(len(builder.types[name].shape)))
    size = builder.types[name].shape[axis]
    start = int(builder.random.integers(size))
    builder.add(Slice(axis, start, int(builder.random.integers(start, size)) + 1, builder.pick(1, 1, 2)), name)


def _pad(builder: _Builder) -> None:
    name = builder.some()
    axes = len(builder.types[name].shape)
    before, after = (tuple(builder.pick(0, 0, 1, 2, -1) for _ in range(axes)) for _ in range(2))
    builder.add(Pad(before, after, builder.zero_point), name)


def _transpose(builder: _Builder) -> None:
    name = builder.some()
    axes = len(builder.types[name].shape)
    builder.add(Transpose(tuple(builder.random.permutation(axes).tolist())), name)


def _reshape(builder: _Builder) -> None:
    name = builder.some()
    first, *rest = builder.types[name].shape
    builder.add(Reshape(builder.pick((first, math.prod(rest)), (first * math.prod(rest),), (first, *rest[::-1]))), name)


def _upsample(builder: _Builder) -> None:
    name = builder.some()
    builder.add(Upsample(tuple(builder.pick(1, 1, 2) for _ in builder.types[name].shape)), name)


def _add(builder: _Builder) -> None:
    first = builder.some()
    builder.add(Add((700, -300), 5000, 10, *_own_type(builder)), first, builder.some(like=first))


def _lookup(builder: _Builder) -> None:
    table = builder.random.integers(0, 256, 256).tolist()
    builder.add(Lookup(tuple(table), *_own_type(builder)), builder.some())


def _average(builder: _Builder) -> None:
    ceil_mode, count_padding = builder.pick(False, True), builder.pick(False, True)
    average = AveragePool((3, 2), (1, 2), (1, 0), ceil_mode, count_padding, 0, builder.zero_point)
    builder.add(average, builder.some_map())


STEPS: dict[str, Callable[[_Builder], object]] = {
    "layer": lambda builder: builder.layer(builder.some_map()),
    "depthwise": lambda builder: builder.layer(name := builder.some_map(), builder.types[name].shape[0]),
    "residual": _add,
    "concat": lambda builder: _concat(builder),
    "gate": _gate,
    "affine": _affine,
    "lookup": _lookup,
    "max_pool": lambda builder: _max_pool(builder),
    "average_pool": _average,
    "adaptive_average_pool": lambda builder: builder.add(AdaptiveAveragePool((2, 1)), builder.some_map()),
    "mean": lambda builder: _mean(builder),
    "slice": _slice,
    "pad": _pad,
    "transpose": _transpose,
    "reshape": _reshape,
    "upsample": _upsample,
}


def _concat(builder: _Builder) -> None:
    first = builder.some()
    axis = builder.pick(0, 0, len(builder.types[first].shape) - 1)
    builder.add(Concat(axis), first, builder.some(like=first))


def _max_pool(builder: _Builder) -> None:
    builder.add(MaxPool((2, 3), (1, 2), (1, 1), (1, 1), builder.pick(False, True)), builder.some_map())


def _mean(builder: _Builder) -> None:
    name = builder.some()
    axes = len(builder.types[name].shape)
    builder.add(Mean(builder.pick((axes - 1,), (0,)), keep_axes=True), name)


@st.composite
def graphs(draw: st.DrawFn) -> CompressedModel:
    """Layers, branches, gates, pools and addresses in any order, and a linear layer that reads what is left."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(1, 4)), draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    builder = _Builder(shape, draw(st.sampled_from([0, 20])), random)
    for step in draw(st.lists(st.one_of(st.just("layer"), st.sampled_from(sorted(STEPS))), max_size=9)):
        _try(step, builder)
    return builder.model()


def every_operation() -> CompressedModel:
    """A graph that has taken each of ``STEPS`` at least once."""
    builder = _Builder((4, 5, 4), 20, np.random.default_rng(2))
    for step in STEPS:
        while not _try(step, builder):
            pass
    return builder.model()


def _try(step: str, builder: _Builder) -> bool:
    """Whether the step could be taken: not if a kernel does not fit, axes cannot be joined, or a map gets too large."""
    nodes, types = list(builder.nodes), dict(builder.types)
    with suppress(CodesignError):
        STEPS[step](builder)
        if max(math.prod(activation.shape) for activation in builder.types.values()) <= LARGEST_TENSOR:
            return True
    builder.nodes, builder.types = nodes, types
    return False
