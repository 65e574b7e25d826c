"""The units of a Liberty file: time and capacitance as its header states them, areas in um2 by custom."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import inf

from compress.base.errors import CodesignError
from flows.technology.liberty import Group

__all__ = ["AREA_UNIT", "TIME_UNIT", "Units", "read_units"]

AREA_UNIT, TIME_UNIT = "um2", "ns"
_NANOSECONDS = {"1ps": 0.001, "10ps": 0.01, "100ps": 0.1, "1ns": 1.0}
_CAPACITANCES = ("ff", "pf")
_WRITTEN = re.compile(r"(\d+(?:\.0*)?)\s*([a-z]+)")


@dataclass(frozen=True)
class Units:
    """What a 1 in the file stands for.

    Members
    -------
    time : str
        "1ns", "100ps", "10ps" or "1ps".
    capacitance : tuple of float and str
        Such as (1.0, "pf") or (10.0, "ff").
    """

    time: str
    capacitance: tuple[float, str]

    @property
    def nanoseconds(self) -> float:
        """One unit of time in ns."""
        return _NANOSECONDS[self.time]


def read_units(library: Group, name: str) -> Units:
    """The units of library ``name``; where it states none, those that Liberty prescribes, 1 ns and 1 pF."""
    return Units(_time(library, name), _capacitance(library, name))


def _time(library: Group, name: str) -> str:
    text = (library.text("time_unit") or "1ns").strip().lower()
    written = _WRITTEN.fullmatch(text)
    unit = f"{float(written[1]):g}{written[2]}" if written else text
    if unit not in _NANOSECONDS:
        raise CodesignError(f"{name}: unknown time_unit {text!r}", f"it should be one of {', '.join(_NANOSECONDS)}")
    return unit


def _capacitance(library: Group, name: str) -> tuple[float, str]:
    given = library.attributes.get("capacitive_load_unit", ("1", "pf"))
    try:
        count, unit = float(given[0]), given[1].lower()
        if 0 < count < inf and unit in _CAPACITANCES:
            return count, unit
    except (ValueError, IndexError):
        pass
    raise CodesignError(
        f"{name}: unknown capacitive_load_unit ({', '.join(given)})",
        "it should be a number and ff or pf, as in (1, pf)",
    )
