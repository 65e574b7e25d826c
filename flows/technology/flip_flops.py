"""Sequential cells that serve as a plain D flip-flop on the rising clock edge, if need be with pins tied to a constant.

Clear and preset are tied to their inactive level, scan and enable to the level at which the next state is the data.
The constants are found by evaluating the cell's own expressions for every assignment of its other inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product

from flows.technology.expressions import Expression, assignments
from flows.technology.liberty import Group
from flows.technology.pins import Arc, Capacitance, Pins, UnusableError, expression

__all__ = ["FlipFlop", "read_flip_flop"]

_MAX_INPUTS = 8
_ASYNCHRONOUS = ("clear", "preset")
_WHERE = "its ff group"


@dataclass(frozen=True)
class FlipFlop:
    """A cell that is a D flip-flop once ``tied`` pins are constant.

    Members
    -------
    name : str
    area : float
        Above 0, in the library's unit.
    data, clock, output : str
        Pins; the output follows the data at the rising clock edge.
    tied : dict
        Pin -> constant; empty for a plain flip-flop.
    asynchronous : dict
        "clear" and "preset", if the cell has them, -> expression of the pin that does it.
    capacitance : dict
        Input pin -> capacitance.
    clk_to_q, setup : tuple of Arc
        ``cell_rise`` and ``cell_fall`` of the output, ``rise_constraint`` and ``fall_constraint`` of the data.
    """

    name: str
    area: float
    data: str
    clock: str
    output: str
    tied: Mapping[str, bool]
    asynchronous: Mapping[str, Expression]
    capacitance: Mapping[str, Capacitance]
    clk_to_q: tuple[Arc, ...] = field(repr=False)
    setup: tuple[Arc, ...] = field(repr=False)

    @property
    def needs_ties(self) -> bool:
        """Whether pins other than clear and preset are tied."""
        used = {pin for control in self.asynchronous.values() for pin in control.pins}
        return not self.tied.keys() <= used


@dataclass(frozen=True)
class _State:
    """The ``ff`` group: what is stored at the clock edge, and what overrides it."""

    variables: tuple[str, ...]
    next_state: Expression
    asynchronous: Mapping[str, Expression]

    def values(self, stored: bool) -> dict[str, bool]:
        """The state variable and its inverse."""
        return dict(zip(self.variables, (stored, not stored), strict=False))

    def pins(self) -> set[str]:
        """Pins that it depends on."""
        expressions = (self.next_state, *self.asynchronous.values())
        return {pin for part in expressions for pin in part.pins} - set(self.variables)

    def stores(self, data: str, tied: Mapping[str, bool]) -> bool:
        """Whether with ``tied`` pins the next state is the data, whatever the state."""
        for value, stored in product((False, True), repeat=2):
            values = {**tied, data: value, **self.values(stored)}
            if self.next_state.at(values) != value or any(part.at(values) for part in self.asynchronous.values()):
                return False
        return True


def read_flip_flop(name: str, area: float, pins: Pins, group: Group) -> FlipFlop:
    """The flip-flop of an ``ff`` group; raises UnusableError with the reason where it cannot be mapped to."""
    if "clocked_on_also" in group.attributes:
        raise UnusableError("it has two clocks")
    clock = _clock(expression(group, "clocked_on", _WHERE))
    controls: dict[str, Expression] = {
        kind: expression(group, kind, _WHERE) for kind in _ASYNCHRONOUS if kind in group.attributes
    }
    state = _State(group.args, expression(group, "next_state", _WHERE), controls)
    data, tied = _data_and_ties(state, clock, pins)
    output = _output(state, pins)
    return FlipFlop(
        name,
        area,
        data,
        clock,
        output,
        tied,
        controls,
        {pin: pins.capacitance(pin) for pin in pins.of("input")},
        pins.arcs(output, clock, ("rising_edge",), ("cell_rise", "cell_fall")),
        pins.arcs(data, clock, ("setup_rising",), ("rise_constraint", "fall_constraint")),
    )


def _clock(clocked_on: Expression) -> str:
    if len(clocked_on.pins) == 1 and clocked_on.truth() == (False, True):
        return clocked_on.pins[0]
    raise UnusableError(f"it is not clocked by the rising edge of one pin: {clocked_on}")


def _data_and_ties(state: _State, clock: str, pins: Pins) -> tuple[str, dict[str, bool]]:
    """The data pin, and the constants of all other inputs but the clock with which the next state is the data."""
    inputs = [pin for pin in pins.of("input") if pin != clock]
    if unknown := sorted({*state.pins(), clock} - set(pins.of("input"))):
        raise UnusableError(f"{_WHERE} uses {', '.join(unknown)}, which it has no input for")
    if clock in state.pins():
        raise UnusableError(f"{_WHERE} uses the clock {clock} as data or control")
    if len(inputs) > _MAX_INPUTS:
        raise UnusableError(f"it has {len(inputs)} inputs beside the clock")
    for data in sorted(state.pins(), key=lambda pin: _as_data(pin, pins)):
        for tied in assignments(tuple(pin for pin in inputs if pin != data)):
            if state.stores(data, tied):
                return data, tied
    raise UnusableError(f"no constants at its other inputs make its next state the data: {state.next_state}")


def _as_data(pin: str, pins: Pins) -> tuple[bool, bool, str]:
    """Order in which pins are tried as data: those called so, then D, then by name."""
    return pins.groups[pin].text("nextstate_type") != "data", pin != "D", pin


def _output(state: _State, pins: Pins) -> str:
    """The output that is the state, not its inverse."""
    for name in pins.of("output"):
        output = pins.groups[name]
        if "function" in output.attributes and "three_state" not in output.attributes:
            function = expression(output, "function", f"pin {name}")
            known = set(function.pins) <= set(state.variables)
            if known and all(function.at(state.values(stored)) == stored for stored in (False, True)):
                return name
    raise UnusableError("it has no output that follows the state")
