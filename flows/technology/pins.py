"""The pins of a Liberty cell: directions, capacitances and timing arcs, each given or a reason to refuse the cell."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from flows.technology.expressions import Expression, parse_expression
from flows.technology.liberty import Group
from flows.technology.tables import Table, number, read_table, templates

__all__ = ["Arc", "Capacitance", "LibraryDefaults", "Pins", "UnusableError", "attribute_number", "expression"]

_DIRECTIONS = ("input", "output", "inout", "internal")
_NAME = re.compile(r"[A-Za-z_][\w.]*(?:\[\d+\])?")
_SENSES = ("positive_unate", "negative_unate", "non_unate")


class UnusableError(Exception):
    """Why the mapper may not use a cell."""


@dataclass(frozen=True)
class Arc:
    """One timing group: its ``timing_sense``, if it has one, and its tables by kind (``cell_rise``, ...)."""

    sense: str | None
    tables: Mapping[str, Table]


@dataclass(frozen=True)
class Capacitance:
    """An input's capacitance, above 0, in the library's unit: one figure for all uses, and one for each edge."""

    both: float
    rise: float
    fall: float


@dataclass(frozen=True)
class LibraryDefaults:
    """What cells take from their library: lookup-table templates by name, an input's capacitance if there is one."""

    templates: Mapping[str, Group]
    input_capacitance: float | None

    @classmethod
    def of(cls, library: Group) -> LibraryDefaults:
        """Those of a library group."""
        try:
            return cls(templates(library), number(library, "default_input_pin_cap"))
        except ValueError:
            return cls(templates(library), None)


class Pins:
    """The pins of one cell by name; several ``pin`` groups of one name are one pin."""

    def __init__(self, cell: Group, defaults: LibraryDefaults) -> None:
        self.defaults = defaults
        self.groups: dict[str, Group] = {}
        for pin in cell.all("pin"):
            for name in pin.args:
                merged = self.groups.setdefault(name, Group("pin", (name,)))
                merged.attributes.update(pin.attributes)
                merged.groups.extend(pin.groups)
        for name, pin in self.groups.items():
            if not _NAME.fullmatch(name):
                raise UnusableError(f"the name of pin {name!r} is not an identifier")
            if pin.text("direction") not in _DIRECTIONS:
                raise UnusableError(f"pin {name} has no direction or an unknown one")

    def of(self, direction: str) -> tuple[str, ...]:
        """Names of the pins of a direction, in the file's order."""
        return tuple(name for name, pin in self.groups.items() if pin.text("direction") == direction)

    def capacitance(self, name: str) -> Capacitance:
        """``capacitance``, else the mean of ``rise_`` and ``fall_capacitance``, else the library's default."""
        both, rise, fall = (
            attribute_number(self.groups[name], kind, f"pin {name}")
            for kind in ("capacitance", "rise_capacitance", "fall_capacitance")
        )
        edges = [value for value in (rise, fall) if value is not None]
        if both is None:
            both = sum(edges) / len(edges) if edges else self.defaults.input_capacitance
        if both is None or min([both, *edges]) <= 0:
            raise UnusableError(f"pin {name} has no capacitance above 0")
        return Capacitance(both, both if rise is None else rise, both if fall is None else fall)

    def arcs(self, pin: str, related: str, types: Collection[str], kinds: tuple[str, ...]) -> tuple[Arc, ...]:
        """Timing groups of ``pin`` against ``related``, those of the ``types``, with their tables ``kinds``.

        Every kind is in at least one of them. A group without a type is "combinational".
        """
        groups = [
            timing
            for timing in self.groups[pin].all("timing")
            if related in (timing.text("related_pin") or "").split()
            and (timing.text("timing_type") or "combinational") in types
        ]
        where = f"pin {pin} from {related}"
        arcs = tuple(Arc(_sense(timing, where), dict(self._tables(timing, kinds, where))) for timing in groups)
        for kind in kinds:
            if not any(kind in arc.tables for arc in arcs):
                raise UnusableError(f"pin {pin} has no {kind} from {related}")
        return arcs

    def _tables(self, timing: Group, kinds: tuple[str, ...], where: str) -> Iterator[tuple[str, Table]]:
        for kind in kinds:
            group = timing.first(kind)
            if group is not None:
                try:
                    yield kind, read_table(group, self.defaults.templates)
                except ValueError as error:
                    raise UnusableError(f"{where}: {error}") from None


def _sense(timing: Group, where: str) -> str | None:
    sense = timing.text("timing_sense")
    if sense not in (None, *_SENSES):
        raise UnusableError(f"{where}: unknown timing_sense {sense!r}")
    return sense


def attribute_number(group: Group, name: str, where: str) -> float | None:
    """A numeric attribute, None where it is not given; refused where it is not a finite number."""
    try:
        return number(group, name)
    except ValueError as error:
        raise UnusableError(f"{where}: {error}") from None


def expression(group: Group, name: str, where: str) -> Expression:
    """A Boolean attribute that has to be there."""
    text = group.text(name)
    if text is None:
        raise UnusableError(f"{where} has no {name}")
    try:
        return parse_expression(text)
    except ValueError as error:
        raise UnusableError(f"{name} of {where}: {error}") from None
