"""Integrated clock gates: a clock that passes only in cycles whose enable was there before the rising edge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flows.technology.liberty import Group
from flows.technology.pins import Capacitance, Pins, UnusableError

__all__ = ["CLOCK_GATE", "ClockGate", "read_clock_gate"]

CLOCK_GATE = "clock_gating_integrated_cell"
"""The attribute that says what kind of clock gate a cell is."""


@dataclass(frozen=True)
class ClockGate:
    """A latch for the enable and an AND with the clock, for registers on the rising edge.

    Members
    -------
    name : str
    area : float
        Above 0, in the library's unit.
    enable, clock, output : str
        Pins; the output is the clock in cycles whose enable is high.
    capacitance : dict
        Input pin -> capacitance.
    """

    name: str
    area: float
    enable: str
    clock: str
    output: str
    capacitance: Mapping[str, Capacitance] = field(hash=False, repr=False)


def read_clock_gate(name: str, area: float, pins: Pins, kind: str) -> ClockGate:
    """The clock gate of a cell; raises UnusableError where it has a test pin or another kind of latch."""
    if kind != "latch_posedge":
        raise UnusableError(f"it is a clock gate of kind {kind}, not latch_posedge")
    enable, clock, output = (
        _pin(pins, part) for part in ("clock_gate_enable_pin", "clock_gate_clock_pin", "clock_gate_out_pin")
    )
    capacitance = {pin: pins.capacitance(pin) for pin in pins.of("input")}
    if set(capacitance) != {enable, clock}:
        raise UnusableError("it is a clock gate with other inputs than clock and enable")
    return ClockGate(name, area, enable, clock, output, capacitance)


def _pin(pins: Pins, part: str) -> str:
    for name, pin in pins.groups.items():
        if _true(pin, part):
            return name
    raise UnusableError(f"it is a clock gate without a {part}")


def _true(pin: Group, attribute: str) -> bool:
    return (pin.text(attribute) or "").strip().lower() in ("true", "1")
