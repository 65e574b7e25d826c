"""The scale and zero point of every result: shared where an operation moves codes without changing them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compress.lowering.fusion import Step, keeps_scale
from compress.lowering.ranges import Range
from compress.model.activation import Activation
from compress.model.compressed_model import INPUT
from compress.model.pool import PoolKind
from compress.networks.capture.captured import LAYER

__all__ = ["Groups", "group", "input_type", "relus_apart", "types_of"]


@dataclass(frozen=True)
class Groups:
    """Results that share scale and zero point.

    Members
    -------
    of : mapping of step name or ``INPUT`` to the group's representative
    sources : mapping of representative to the steps that choose codes, ``INPUT`` among them
    """

    of: Mapping[str, str]
    sources: Mapping[str, tuple[str, ...]]


def group(steps: tuple[Step, ...]) -> Groups:
    """Join the results of operations that keep scales with their operands."""
    parent = {name: name for name in (INPUT, *(step.name for step in steps))}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    for step in steps:
        if keeps_scale(step.call):
            for name in step.inputs:
                parent[root(step.name)] = root(name)
    choosing = (INPUT, *(step.name for step in steps if not keeps_scale(step.call)))
    sources: dict[str, tuple[str, ...]] = {}
    for name in choosing:
        sources[root(name)] = (*sources.get(root(name), ()), name)
    return Groups({name: root(name) for name in parent}, sources)


def input_type(shape: tuple[int, ...], bits: int, image_range: tuple[float, float]) -> Activation:
    """The type of images in a range by themselves."""
    return _unsigned(shape, bits, min(image_range[0], 0.0), max(image_range[1], 0.0))


def relus_apart(steps: tuple[Step, ...], ranges: Mapping[str, Range], image: Activation) -> frozenset[str]:
    """ReLUs that are operations of their own, since the shared scale of their results saturates elsewhere.

    Those that share it with negative numbers, whose code 0 is below a real 0, and those that cut off above a number,
    such as ReLU6, and share it with larger ones.
    """
    by_name = {step.name: step for step in steps}
    apart: set[str] = set()
    for sources in group(steps).sources.values():
        inner = [by_name[name] for name in sources if name != INPUT]
        if not inner:
            continue
        low, high = _low(sources, inner, ranges, image), _high(sources, inner, ranges, image)
        apart.update(
            step.relu.name for step in inner if step.relu is not None and (low < 0 or high > np.float32(step.ceiling))
        )
    return frozenset(apart)


def _low(sources: tuple[str, ...], inner: list[Step], ranges: Mapping[str, Range], image: Activation) -> float:
    lows = [ranges[step.seen].low for step in inner]
    return min([*lows, _real(image, image.lowest)] if INPUT in sources else lows)


def _high(sources: tuple[str, ...], inner: list[Step], ranges: Mapping[str, Range], image: Activation) -> float:
    highs = [ranges[step.seen].high for step in inner]
    return max([*highs, _real(image, image.highest)] if INPUT in sources else highs)


def types_of(
    steps: tuple[Step, ...],
    answer: str,
    ranges: Mapping[str, Range],
    image: Activation,
) -> dict[str, Activation]:
    """The type of every step's result, and of ``INPUT``.

    A layer without ReLU that is the network's answer is signed. ``relus_apart`` must have found none.
    """
    groups, by_name = group(steps), {step.name: step for step in steps}
    chosen = {root: _of_group(sources, by_name, answer, ranges, image) for root, sources in groups.sources.items()}
    shapes = {INPUT: image.shape, **{step.name: step.shape for step in steps}}
    return {
        name: Activation(shapes[name], each.bits, each.scale, each.zero_point, each.signed)
        for name, each in ((name, chosen[root]) for name, root in groups.of.items())
    }


def _of_group(
    sources: tuple[str, ...],
    steps: Mapping[str, Step],
    answer: str,
    ranges: Mapping[str, Range],
    image: Activation,
) -> Activation:
    if sources == (INPUT,):
        return image
    inner = [steps[name] for name in sources if name != INPUT]
    found = [ranges[step.seen] for step in inner]
    if sources == (answer,) and _may_be_signed(inner[0]):
        return Activation(image.shape, image.bits, found[0].magnitude / (2 ** (image.bits - 1) - 1), signed=True)
    low, high = _low(sources, inner, ranges, image), _high(sources, inner, ranges, image)
    if low == 0 and INPUT not in sources:
        return Activation(image.shape, image.bits, max(each.magnitude for each in found) / (2**image.bits - 1))
    return _unsigned(image.shape, image.bits, low, high)


def _may_be_signed(step: Step) -> bool:
    average = step.pool is not None and step.pool.kind is PoolKind.AVERAGE
    return step.call.target == LAYER and step.relu is None and not average


def _real(image: Activation, code: int) -> float:
    return (code - image.zero_point) * image.scale


def _unsigned(shape: tuple[int, ...], bits: int, low: float, high: float) -> Activation:
    levels = 2**bits - 1
    scale = (high - low) / levels
    return Activation(shape, bits, scale, min(levels, max(0, round(-low / scale))))
