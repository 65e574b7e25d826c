"""Which cells of a library the mapper may use: one judgement of parsed attributes, with a reason for each refusal.

A usable cell is a gate (one output, a function of its inputs), serves as a D flip-flop on the rising clock edge, or
gates the clock of such flip-flops.
All that is counted of it is given: area, capacitance of each input, delay of each path. What the mapper reads
(``flows.technology.mapper_library``) and what is measured (``flows.technology.timing``) come from this judgement alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flows.technology.clock_gates import CLOCK_GATE, ClockGate, read_clock_gate
from flows.technology.flip_flops import FlipFlop, read_flip_flop
from flows.technology.gates import Gate, read_gate
from flows.technology.liberty import Group
from flows.technology.pins import LibraryDefaults, Pins, UnusableError, attribute_number

__all__ = ["RefusedCell", "UsableCells", "usable_cells"]

_NAME = re.compile(r"[A-Za-z_][\w.$-]*")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_SPECIAL_FLAGS = ("is_level_shifter", "is_isolation_cell", "is_macro_cell", "pad_cell", "always_on")
_SPECIAL_KINDS = ("retention_cell", "switch_cell_type")
_LATCHES = ("latch", "statetable")
_OTHER_STATE = ("latch_bank", "ff_bank", "memory", "bundle", "bus")


@dataclass(frozen=True)
class RefusedCell:
    """A cell that the mapper may not use, and why."""

    group: Group
    reason: str

    @property
    def name(self) -> str:
        """The cell's name."""
        return self.group.name


@dataclass(frozen=True)
class UsableCells:
    """The cells of a library: gates, flip-flops, clock gates and the rest, each in the file's order."""

    gates: tuple[Gate, ...]
    flip_flops: tuple[FlipFlop, ...]
    clock_gates: tuple[ClockGate, ...]
    refused: tuple[RefusedCell, ...]


def usable_cells(library: Group) -> UsableCells:
    """Judge every cell of a library group."""
    defaults = LibraryDefaults.of(library)
    judged_cells, refused = list[Gate | FlipFlop | ClockGate](), list[RefusedCell]()
    groups = {cell.name: cell for cell in library.all("cell")}
    doubled = {cell.name for cell in library.all("cell") if cell != groups[cell.name]}
    for name, cell in groups.items():
        try:
            if name in doubled:
                raise UnusableError("it is defined twice, differently")
            judged_cells.append(_judged(cell, defaults))
        except UnusableError as reason:
            refused.append(RefusedCell(cell, str(reason)))
    return UsableCells(
        tuple(cell for cell in judged_cells if isinstance(cell, Gate)),
        tuple(cell for cell in judged_cells if isinstance(cell, FlipFlop)),
        tuple(cell for cell in judged_cells if isinstance(cell, ClockGate)),
        tuple(refused),
    )


def _judged(cell: Group, defaults: LibraryDefaults) -> Gate | FlipFlop | ClockGate:
    if len(cell.args) != 1 or not _NAME.fullmatch(cell.name):
        raise UnusableError("its name is not an identifier")
    if _flag(cell, "dont_use"):
        raise UnusableError("it is marked dont_use")
    special = [name for name in _SPECIAL_FLAGS if _flag(cell, name)]
    special += [name for name in _SPECIAL_KINDS if name in cell.attributes]
    gates_clocks = cell.text(CLOCK_GATE)
    latches = () if gates_clocks else _LATCHES
    special += [kind for kind in (*latches, *_OTHER_STATE) if cell.first(kind) is not None]
    if special:
        raise UnusableError(f"it is a special cell: {', '.join(special)}")
    area = attribute_number(cell, "area", "the cell")
    if area is None or area <= 0:
        raise UnusableError("its area is not given" if area is None else f"its area is {area:g}")
    pins = Pins(cell, defaults)
    if gates_clocks:
        return read_clock_gate(cell.name, area, pins, gates_clocks)
    states = list(cell.all("ff"))
    if len(states) > 1:
        raise UnusableError(f"it has {len(states)} flip-flops")
    return read_flip_flop(cell.name, area, pins, states[0]) if states else read_gate(cell.name, area, pins)


def _flag(cell: Group, name: str) -> bool:
    """A Boolean attribute by its value; false where it is not given."""
    text = cell.text(name)
    if text is None:
        return False
    value = _BOOLEANS.get(text.strip().lower())
    if value is None:
        raise UnusableError(f"{name} is neither true nor false: {text!r}")
    return value
