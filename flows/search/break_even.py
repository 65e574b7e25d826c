"""Break-even pruning ratio of a layer: dense and sparse arrays in the same area (003 section 5.1).

The budget is the area of a reference dense array with the SRAM that holds the layer's weights, biases and features.
For the dense baseline and for each pruned portion the best array that fits the budget is searched for.
``speedup = (cycles clock) of dense / (cycles clock) of sparse``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from compress.base.errors import CodesignError
from compress.base.progress import Progress, Update
from flows.search.iso_area import (
    BreakEvenPoint,
    LayerWork,
    Mask,
    Shape,
    best_array,
    candidate_shapes,
    layer_budget,
    shape_of,
)
from flows.technology.technology import Technology
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense
from rtl.formats.fixed import Fixed
from rtl.formats.index_format import IndexFormat

__all__ = ["PORTIONS", "BreakEvenCurve", "break_even_curve", "break_even_ratio"]

PORTIONS = tuple(round(0.1 * tenth, 1) for tenth in range(1, 10))


@dataclass(frozen=True)
class BreakEvenCurve:
    """One layer's curve; each point used the best of ``indices``.

    ``break_even_ratio`` is None where no measured portion reaches the dense baseline. ``points`` leaves out portions
    for which no array fits the budget.
    """

    layer: str
    indices: tuple[str, ...]
    budget: float
    area_unit: str
    time_unit: str
    dense: BreakEvenPoint
    points: tuple[BreakEvenPoint, ...]
    break_even_ratio: float | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe members."""
        return asdict(self)


def break_even_ratio(portions: Sequence[float], speedups: Sequence[float]) -> float | None:
    """Smallest 1 / (1 - portion) from which on sparse is no slower than dense, linear between measured points.

    No extrapolation: a curve that is never slower breaks even at its first portion; one whose last point is
    slower never does. Where the curve crosses 1 more than once the last crossing counts, so that above the ratio no
    measured point loses.

    >>> break_even_ratio([0.5, 0.6], [0.75, 1.25])
    2.2222222222222223
    """
    slower = [index for index, speedup in enumerate(speedups) if speedup < 1]
    if not speedups or (slower and slower[-1] == len(speedups) - 1):
        return None
    if not slower:
        return 1 / (1 - portions[0])
    left = slower[-1]
    rise = (1 - speedups[left]) / (speedups[left + 1] - speedups[left])
    return 1 / (1 - (portions[left] + rise * (portions[left + 1] - portions[left])))


def break_even_curve(
    work: LayerWork,
    reference: ArrayConfig,
    technology: Technology,
    indices: Sequence[IndexFormat] = (),
    portions: Sequence[float] = PORTIONS,
    shapes: Sequence[Shape] | None = None,
    masks: Callable[[float], Mask] | None = None,
    progress: Progress | None = None,
) -> BreakEvenCurve:
    """Measure one layer's curve.

    Parameters
    ----------
    reference : ArrayConfig
        The hardware budget: its rows and lanes as a dense array are the area; its bit widths hold for all.
    indices : sequence of IndexFormat
        Of the sparse arrays, the best one at each portion; the reference's own where that is sparse, else fixed(4).
    masks : callable
        Kept weights of a pruned portion; random ones of ``work`` unless given.
    """
    formats = tuple(indices) or ((Fixed(4),) if reference.is_dense else (reference.index,))
    sparse = [reference.replace(index=index) for index in formats]
    space = (*(candidate_shapes() if shapes is None else shapes), shape_of(reference))
    budget = layer_budget(work, reference, technology)
    told = progress or (lambda *_: None)
    told(Update(work.name, 0, len(portions) + 1))
    dense = best_array(work, work.mask(0.0), [reference.replace(index=Dense())], technology, budget, space)
    if dense is None:
        raise CodesignError(f"no dense array fits the budget of layer {work.name!r}", "allow the reference's shape")
    points = []
    for done, portion in enumerate(portions, 1):
        told(Update(work.name, done, len(portions) + 1))
        mask = (masks or work.mask)(portion)
        found = best_array(work, mask, sparse, technology, budget, space)
        if found is not None:
            points.append(replace(found, pruned_portion=portion, speedup=dense.time / found.time))
    told(Update(work.name, len(portions) + 1, len(portions) + 1))
    ratio = break_even_ratio([p.pruned_portion for p in points], [p.speedup for p in points])
    units = (technology.area_unit, technology.time_unit)
    return BreakEvenCurve(work.name, tuple(map(str, formats)), budget, *units, dense, tuple(points), ratio)
