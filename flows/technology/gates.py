"""Combinational cells that the mapper may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flows.technology.expressions import Expression
from flows.technology.pins import Arc, Capacitance, Pins, UnusableError, attribute_number, expression

__all__ = ["DELAYS", "Gate", "read_gate"]

DELAYS = ("cell_rise", "cell_fall", "rise_transition", "fall_transition")
_LIMITS = ("max_capacitance", "max_transition")
_MAX_INPUTS = 12
"""No library's gates have more, and all their rows are tried where a file does not state ``timing_sense``."""
_COMBINATIONAL = ("combinational", "combinational_rise", "combinational_fall")


@dataclass(frozen=True)
class Gate:
    """A combinational cell with one output.

    Members
    -------
    name : str
    area : float
        Above 0, in the library's unit.
    function : Expression
        Over exactly the pins of ``capacitance``; a tie cell has none.
    output : str
    limits : dict
        ``max_capacitance`` and ``max_transition`` of the output, as far as they are given.
    capacitance : dict
        Input pin -> capacitance.
    arcs : dict
        Input pin -> delay arcs to the output, which together have all of ``DELAYS``.
    """

    name: str
    area: float
    function: Expression
    output: str
    limits: Mapping[str, float]
    capacitance: Mapping[str, Capacitance]
    arcs: Mapping[str, tuple[Arc, ...]] = field(repr=False)


def read_gate(name: str, area: float, pins: Pins) -> Gate:
    """The gate; raises UnusableError with the reason where it cannot be mapped to."""
    if pins.of("inout") or pins.of("internal"):
        raise UnusableError("it has inout or internal pins")
    outputs = pins.of("output")
    if len(outputs) != 1:
        raise UnusableError(f"it has {len(outputs)} outputs instead of one")
    output = pins.groups[outputs[0]]
    if "three_state" in output.attributes:
        raise UnusableError(f"pin {output.name} is a three-state output")
    function = expression(output, "function", f"pin {output.name}")
    inputs = pins.of("input")
    if len(inputs) > _MAX_INPUTS:
        raise UnusableError(f"it has {len(inputs)} inputs, more than {_MAX_INPUTS}")
    if set(function.pins) != set(inputs):
        odd = ", ".join(sorted(set(function.pins) ^ set(inputs)))
        raise UnusableError(f"inputs and function disagree about {odd}")
    capacitance = {pin: pins.capacitance(pin) for pin in inputs}
    arcs = {pin: pins.arcs(output.name, pin, _COMBINATIONAL, DELAYS) for pin in inputs}
    limits = {limit: attribute_number(output, limit, f"pin {output.name}") for limit in _LIMITS}
    given = {limit: value for limit, value in limits.items() if value is not None}
    return Gate(name, area, function, output.name, given, capacitance, arcs)
