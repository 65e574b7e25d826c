"""Delays measured in a library's tables: a fan-out-of-four inverter, clk-to-q and setup of a flip-flop."""

from __future__ import annotations

from collections.abc import Iterable

from flows.technology.flip_flops import FlipFlop
from flows.technology.gates import Gate
from flows.technology.pins import Arc, Capacitance

__all__ = ["clk_to_q", "fanout_of_four", "setup"]

_FIXED_POINT_STEPS = 30


def fanout_of_four(inverter: Gate) -> tuple[float, float, float]:
    """Delay and slew of an inverter in a chain of fan-out four, both means of rise and fall, and its load.

    In the library's units; the slew is the fixed point of slew in and slew out.
    """
    (arcs,) = inverter.arcs.values()
    load, slew = 4 * _input(inverter).both, 0.0
    for _ in range(_FIXED_POINT_STEPS):
        slew = _mean(arcs, ("rise_transition", "fall_transition"), slew, load)
    return _mean(arcs, ("cell_rise", "cell_fall"), slew, load), slew, load


def _input(inverter: Gate) -> Capacitance:
    (capacitance,) = inverter.capacitance.values()
    return capacitance


def _mean(arcs: tuple[Arc, ...], kinds: tuple[str, str], slew: float, load: float) -> float:
    first = [next(arc.tables[kind] for arc in arcs if kind in arc.tables) for kind in kinds]
    return sum(table.at(slew, load) for table in first) / 2


def clk_to_q(flop: FlipFlop, slew: float, load: float) -> float:
    """The slowest of its edges and arcs, at that slew of the clock and that load."""
    return _slowest(flop.clk_to_q, slew, load)


def setup(flop: FlipFlop, slew: float) -> float:
    """The longest setup of its data, both data and clock with that slew."""
    return _slowest(flop.setup, slew, slew)


def _slowest(arcs: Iterable[Arc], slew: float, load: float) -> float:
    return max(table.at(slew, load) for arc in arcs for table in arc.tables.values())
