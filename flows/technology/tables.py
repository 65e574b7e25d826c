"""Numbers and lookup tables of a Liberty file, read strictly: what is missing or malformed is never a zero."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flows.technology.liberty import Group

__all__ = ["Table", "number", "read_table", "templates"]

_SEPARATOR = re.compile(r"[,\s]+")
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """A lookup table over input slew and output load or one of them, linear between and beyond its points.

    Members
    -------
    slews, loads : array
        The points of each axis, increasing; a single 0 for an axis that the table lacks.
    values : array of shape (slews, loads)
        In the library's unit of time.
    """

    slews: Floats
    loads: Floats
    values: Floats

    def at(self, slew: float, load: float) -> float:
        """Bilinear interpolation; the outermost slopes continue outside the table."""
        row = np.array([_linear(self.loads, values, load) for values in self.values])
        return _linear(self.slews, row, slew)


def _linear(points: Floats, values: Floats, x: float) -> float:
    if len(points) < 2:
        return float(values[0])
    left = int(np.clip(np.searchsorted(points, x) - 1, 0, len(points) - 2))
    slope = (values[left + 1] - values[left]) / (points[left + 1] - points[left])
    return float(values[left] + slope * (x - points[left]))


def number(group: Group, name: str) -> float | None:
    """A numeric attribute, None where it is not given; raises ValueError where it is not a finite number."""
    text = group.text(name)
    return None if text is None else float(_numbers(text, name, 1)[0])


def templates(library: Group) -> dict[str, Group]:
    """The library's lookup-table templates by name."""
    return {group.name: group for group in library.all("lu_table_template")}


def read_table(group: Group, known: Mapping[str, Group]) -> Table:
    """A ``cell_rise``, ``rise_constraint``, ... group; raises ValueError where it or its template is incomplete."""
    template = known.get(group.name, Group("scalar"))
    if group.name != "scalar" and group.name not in known and "index_1" not in group.attributes:
        raise ValueError(f"{group.kind} uses the template {group.name!r}, which the library does not have")
    if "variable_3" in template.attributes:
        raise ValueError(f"{group.kind} has three dimensions")
    first, second = (_axis(group, template, f"index_{i}") for i in (1, 2))
    values = _numbers(group.text("values") or "", f"values of {group.kind}", len(first) * len(second))
    grid = values.reshape(len(first), len(second))
    over_load = "capacitance" in (template.text("variable_1") or "")
    return Table(second, first, grid.T) if over_load else Table(first, second, grid)


def _axis(group: Group, template: Group, name: str) -> Floats:
    text = group.text(name) or template.text(name)
    if text is None:
        return np.zeros(1)
    points = _numbers(text, f"{name} of {group.kind}")
    if np.any(np.diff(points) <= 0):
        raise ValueError(f"{name} of {group.kind} does not increase")
    return points


def _numbers(text: str, name: str, count: int | None = None) -> Floats:
    words = _SEPARATOR.split(text.strip(", \t\r\n"))
    try:
        found = np.array(words, dtype=np.float64)
    except ValueError:
        raise ValueError(f"{name} is not a number: {_shortened(text)!r}") from None
    if not np.all(np.isfinite(found)):
        raise ValueError(f"{name} is not finite: {_shortened(text)!r}")
    if count is not None and len(found) != count:
        raise ValueError(f"{name} has {len(found)} numbers instead of {count}")
    return found


def _shortened(text: str, length: int = 40) -> str:
    return text if len(text) <= length else text[:length] + "..."
