"""Which shapes of an array a search tries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rtl.config import ArrayConfig
from sim.mapping.cycles import Chain
from sim.mapping.geometry import ArrayGeometry

__all__ = ["Shape", "candidate_shapes", "pooling_shapes", "shape_for", "shape_of", "without_idle_lanes"]

_LANES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
_REQUANT_LANES = (1, 2, 4, 8, 16)
_MAX_ROWS = 32
_CHAINS = ((1, 1), (2, 1), (1, 2), (1, 4))
"""Depth and subarrays."""


@dataclass(frozen=True, order=True)
class Shape:
    """What the search chooses."""

    rows: int
    lanes: int
    requant_lanes: int
    chain_depth: int = 1
    subarrays: int = 1

    @property
    def chain(self) -> Chain:
        """How fast sums leave the rows."""
        return Chain(self.lanes // self.requant_lanes, self.chain_depth)

    @property
    def pes(self) -> int:
        """Multiply-accumulators."""
        return self.rows * self.lanes


def shape_of(config: ArrayConfig) -> Shape:
    """The part of a configuration that the search chooses."""
    return Shape(config.rows, config.lanes, config.requant_lanes, config.chain_depth, config.subarrays)


def candidate_shapes(max_rows: int = _MAX_ROWS, lanes: Sequence[int] = _LANES) -> tuple[Shape, ...]:
    """The search space: every number of rows, lanes 2^k and 3 * 2^k, requantizers 2^k that divide the lanes.

    With each of a chain of depth one or two, or two or four subarrays.
    """
    return tuple(
        Shape(rows, width, requant, depth, subarrays)
        for rows in range(1, max_rows + 1)
        for width in lanes
        for requant in _REQUANT_LANES
        for depth, subarrays in _CHAINS
        if width % requant == 0 and rows % subarrays == 0
    )


def shape_for(shape: Shape, template: ArrayConfig) -> Shape:
    """``shape`` as an array of the template's format has it: dense rows are in lock-step, others never."""
    if template.is_dense:
        return replace(shape, chain_depth=0, subarrays=1)
    return replace(shape, chain_depth=max(1, shape.chain_depth))


def pooling_shapes(
    geometries: Sequence[ArrayGeometry], reference: ArrayConfig, shapes: Sequence[Shape]
) -> tuple[Shape, ...]:
    """Those of ``shapes`` that pool every layer that an array of the reference's lanes pools.

    The host's pooling takes no counted time, so an array that left more of it to the host would seem faster.
    """
    pooled = [geometry for geometry in geometries if geometry.on(reference.lanes, reference.requant_lanes).pooled]
    return tuple(shape for shape in shapes if all(each.on(shape.lanes, shape.requant_lanes).pooled for each in pooled))


def without_idle_lanes(
    geometries: Sequence[ArrayGeometry], most_lanes: int, shapes: Sequence[Shape]
) -> tuple[Shape, ...]:
    """``shapes`` without those whose additional lanes bring nothing.

    With ``most_lanes``, all pixels of every layer are one pixel group. A shape is left out if another one with
    at least that many lanes has fewer of them, as many rows and subarrays, as deep a chain and no more requantizers,
    pools the same layers, and drains a filter in no more cycles.
    """
    enough = [shape for shape in set(shapes) if shape.lanes >= most_lanes]
    alike: dict[tuple[int, ...], list[Shape]] = {}
    for shape in enough:
        alike.setdefault(_rows_and_chain(shape), []).append(shape)

    def pooled(shape: Shape) -> list[bool]:
        return [geometry.on(shape.lanes, shape.requant_lanes).pooled for geometry in geometries]

    def idle(shape: Shape) -> bool:
        return any(
            other.lanes < shape.lanes
            and other.requant_lanes <= shape.requant_lanes
            and other.lanes // other.requant_lanes <= shape.lanes // shape.requant_lanes
            and pooled(other) == pooled(shape)
            for other in alike.get(_rows_and_chain(shape), ())
        )

    return tuple(shape for shape in shapes if not idle(shape))


def _rows_and_chain(shape: Shape) -> tuple[int, ...]:
    return shape.rows, shape.chain_depth, shape.subarrays
