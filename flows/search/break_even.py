"""Break-even pruning ratio of a layer: dense and sparse arrays in the same area (003 section 5.1).

The budget is the area of a reference dense array with the SRAM that holds the layer's weights, biases and features.
For the dense baseline and for each pruned portion the best array that fits the budget is searched for.
``speedup = (cycles clock) of dense / (cycles clock) of sparse``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from compress.base.errors import CodesignError
from compress.base.progress import Progress, Update
from flows.search.array_choice import ArrayChoice
from flows.search.array_search import best_array, holding_array
from flows.search.break_even_ratio import BreakEvenRatio, break_even_ratio, next_portion
from flows.search.layer_load import LayerLoad, Mask
from flows.search.shapes import Shape, candidate_shapes, shape_of
from flows.technology.technology import Technology
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense
from rtl.formats.fixed import Fixed
from rtl.formats.index_format import IndexFormat

__all__ = ["PORTIONS", "BreakEvenCurve", "BreakEvenPoint", "break_even_curve", "layer_budget"]

PORTIONS = tuple(round(0.1 * tenth, 1) for tenth in range(1, 10))


@dataclass(frozen=True)
class BreakEvenPoint:
    """The best array for one pruned portion, None where no array fits; the dense baseline has portion 0.

    ``speedup`` is the dense baseline's time over the array's, None without an array.
    """

    pruned_portion: float
    array: ArrayChoice | None
    speedup: float | None

    @property
    def pays(self) -> bool:
        """Whether an array fits and is no slower than the dense one."""
        return self.speedup is not None and self.speedup >= 1

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe members, those of the array null where none fits; ``cycles`` are of the layer's batch."""
        found = {"pruned_portion": self.pruned_portion, "speedup": self.speedup}
        if self.array is None:
            return {**found, **dict.fromkeys(_ARRAY_KEYS)}
        config = self.array.config
        members = (
            *(config.rows, config.lanes, config.requant_lanes),
            *(self.array.area, self.array.clock_period, sum(self.array.cycles.values())),
            *(str(config.index), self.array.critical, config.to_dict()),
        )
        return {**found, **dict(zip(_ARRAY_KEYS, members, strict=True))}


_ARRAY_KEYS = ("rows", "lanes", "requant_lanes", "area", "clock", "cycles", "index", "critical", "config")


@dataclass(frozen=True)
class BreakEvenCurve:
    """One layer's curve; each point used the best of ``indices``.

    ``points`` have every portion that was asked for and those that bracket the ratio, in rising order.
    """

    layer: str
    indices: tuple[str, ...]
    budget: float
    area_unit: str
    time_unit: str
    dense: BreakEvenPoint
    points: tuple[BreakEvenPoint, ...]

    @property
    def ratio(self) -> BreakEvenRatio:
        """From which pruning ratio on the layer gains."""
        return break_even_ratio({point.pruned_portion: point.pays for point in self.points})

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe members."""
        return {
            "layer": self.layer,
            "indices": list(self.indices),
            "budget": self.budget,
            "area_unit": self.area_unit,
            "time_unit": self.time_unit,
            "break_even_ratio": self.ratio.to_dict(),
            "dense": self.dense.to_dict(),
            "points": [point.to_dict() for point in self.points],
        }


def break_even_curve(
    layer: LayerLoad,
    masks: Callable[[float], Mask],
    reference: ArrayConfig,
    technology: Technology,
    indices: Sequence[IndexFormat] = (),
    portions: Sequence[float] = PORTIONS,
    shapes: Sequence[Shape] | None = None,
    progress: Progress | None = None,
) -> BreakEvenCurve:
    """Measure one layer's curve at ``portions``, then where it crosses 1, to 1 % of the weights.

    Parameters
    ----------
    layer : LayerLoad
        Its mask is not looked at.
    masks : callable
        Kept weights of a pruned portion in (0, 1); those of a larger portion should be a subset.
    reference : ArrayConfig
        The hardware budget: its rows and lanes as a dense array are the area; its bit widths hold for all.
    indices : sequence of IndexFormat
        Of the sparse arrays, the best one at each portion; the reference's own where that is sparse, else fixed(4).

    Raises
    ------
    CodesignError
        A portion outside (0, 1), or no dense array that fits the budget.
    """
    _check(portions)
    formats = tuple(indices) or ((Fixed(4),) if reference.is_dense else (reference.index,))
    search = _Search(
        layer=layer,
        masks=masks,
        sparse=[reference.with_index(index) for index in formats],
        technology=technology,
        budget=layer_budget(layer, reference, technology),
        space=(*(candidate_shapes() if shapes is None else shapes), shape_of(reference)),
    )
    told = progress or (lambda *_: None)
    told(Update(layer.name, 0, len(portions) + 1))
    dense = search.dense_array(reference)
    points = search.bracketed(dense, portions, told)
    told(Update(layer.name, len(portions) + 1, len(portions) + 1))
    return BreakEvenCurve(
        layer=layer.name,
        indices=tuple(map(str, formats)),
        budget=search.budget,
        area_unit=technology.area_unit,
        time_unit=technology.time_unit,
        dense=BreakEvenPoint(0.0, dense, 1.0),
        points=tuple(points[portion] for portion in sorted(points)),
    )


def _check(portions: Sequence[float]) -> None:
    for portion in portions:
        if not 0 < portion < 1:
            raise CodesignError(f"pruned portion {portion} is not in (0, 1)", "use portions such as 0.1 to 0.9")


@dataclass(frozen=True)
class _Search:
    """The best arrays for a layer: any of the sparse formats, any shape of the space, within the budget."""

    layer: LayerLoad
    masks: Callable[[float], Mask]
    sparse: Sequence[ArrayConfig]
    technology: Technology
    budget: float
    space: Sequence[Shape]

    def dense_array(self, reference: ArrayConfig) -> ArrayChoice:
        """The baseline; a CodesignError if no dense array fits."""
        configs = [reference.with_index(Dense())]
        found = best_array([self.layer.dense()], configs, self.technology, self.budget, self.space)
        if found is None:
            cause = f"no dense array fits the budget of layer {self.layer.name!r}"
            raise CodesignError(cause, "allow the reference's shape")
        return found

    def point(self, dense: ArrayChoice, portion: float) -> BreakEvenPoint:
        """The best sparse array for one pruned portion, against the dense one."""
        load = self.layer.pruned(self.masks(portion))
        found = best_array([load], self.sparse, self.technology, self.budget, self.space)
        return BreakEvenPoint(portion, found, None if found is None else _time(dense) / _time(found))

    def bracketed(self, dense: ArrayChoice, portions: Sequence[float], told: Progress) -> dict[float, BreakEvenPoint]:
        """Points at ``portions``, then at those that bracket where the curve crosses 1."""
        points: dict[float, BreakEvenPoint] = {}
        for done, portion in enumerate(portions, 1):
            told(Update(self.layer.name, done, len(portions) + 1))
            points[portion] = self.point(dense, portion)
        while (further := next_portion({portion: point.pays for portion, point in points.items()})) is not None:
            points[further] = self.point(dense, further)
        return points


def _time(array: ArrayChoice) -> float:
    """Of the layer's batch, in the technology's time unit."""
    return sum(array.cycles.values()) * array.clock_period


def layer_budget(layer: LayerLoad, reference: ArrayConfig, technology: Technology) -> float:
    """Area of the dense array of the reference's rows and lanes, with banks that just hold the layer."""
    return holding_array([layer.dense()], reference.with_index(Dense()), technology).area
