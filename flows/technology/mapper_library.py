"""The Liberty text that Yosys and ABC read: the usable cells and nothing else, in one plain form.

A cell that was refused cannot be mapped to, for it is not there; what a vendor's file says in an unusual way reaches
the tools in a usual one. There is one plain flip-flop, the one whose timing is measured, written without its tied
pins; the others are kept for asynchronous clear and preset alone.
"""

from __future__ import annotations

import re

import numpy as np

from flows.technology.cells import UsableCells
from flows.technology.clock_gates import ClockGate
from flows.technology.expressions import assignments
from flows.technology.flip_flops import FlipFlop
from flows.technology.gates import DELAYS, Gate
from flows.technology.pins import Arc, Capacitance
from flows.technology.tables import Floats, Table
from flows.technology.units import Units

__all__ = ["mapper_library"]

_USED_TEMPLATE = re.compile(r"\(delay_(\d+)_(\d+)\)")


def mapper_library(cells: UsableCells, flip_flop: FlipFlop, clock_gate: ClockGate | None, units: Units) -> str:
    """The library with all gates, ``flip_flop`` as a plain one, flip-flops with clear or preset, the clock gate."""
    count, unit = units.capacitance
    gates = "".join(map(_gate, cells.gates))
    resets = (flop for flop in cells.flip_flops if _has_reset(flop) and flop.name != flip_flop.name)
    return "".join(
        (
            "library (cells) {\n  delay_model : table_lookup;\n",
            f'  time_unit : "{units.time}";\n  capacitive_load_unit ({count:g}, {unit});\n',
            *map(_template, sorted(set(_USED_TEMPLATE.findall(gates)))),
            gates,
            _flip_flop(flip_flop, plain=True),
            *(_flip_flop(flop, plain=False) for flop in resets),
            "" if clock_gate is None else _clock_gate(clock_gate),
            "}\n",
        )
    )


def _has_reset(flop: FlipFlop) -> bool:
    """Whether it has clear or preset, each by one pin, and nothing else to tie."""
    single = all(len(control.pins) == 1 for control in flop.asynchronous.values())
    return bool(flop.asynchronous) and single and not flop.needs_ties


def _template(shape: tuple[str, str]) -> str:
    """The template of tables of a shape, which have axes of their own: ABC wants as many points in both."""
    slews, loads = (", ".join(map(str, range(int(points)))) for points in shape)
    return (
        f"  lu_table_template (delay_{'_'.join(shape)}) {{\n    variable_1 : input_net_transition;\n"
        f'    variable_2 : total_output_net_capacitance;\n    index_1 ("{slews}");\n    index_2 ("{loads}");\n  }}\n'
    )


def _gate(gate: Gate) -> str:
    inputs = "".join(_input(pin, value) for pin, value in gate.capacitance.items())
    limits = "".join(f" {name} : {value!r};" for name, value in gate.limits.items())
    timing = "".join(_timing(pin, gate) for pin in gate.arcs)
    output = f'    pin ({gate.output}) {{ direction : output; function : "{gate.function}";{limits}\n{timing}    }}\n'
    return f"  cell ({gate.name}) {{\n    area : {gate.area!r};\n{inputs}{output}  }}\n"


def _input(pin: str, capacitance: Capacitance) -> str:
    edges = f"rise_capacitance : {capacitance.rise!r}; fall_capacitance : {capacitance.fall!r};"
    return f"    pin ({pin}) {{ direction : input; capacitance : {capacitance.both!r}; {edges} }}\n"


def _timing(pin: str, gate: Gate) -> str:
    return "".join(
        f'      timing () {{\n        related_pin : "{pin}";\n        timing_sense : {_sense(arc, pin, gate)};\n'
        + "".join(_table(kind, arc.tables[kind]) for kind in DELAYS if kind in arc.tables)
        + "      }\n"
        for arc in gate.arcs[pin]
    )


def _sense(arc: Arc, pin: str, gate: Gate) -> str:
    """The file's ``timing_sense``, else whether the function rises, falls or does either with ``pin``."""
    if arc.sense is not None:
        return arc.sense
    others = tuple(name for name in gate.capacitance if name != pin)
    pairs = {
        (gate.function.at({**row, pin: False}), gate.function.at({**row, pin: True})) for row in assignments(others)
    }
    rises, falls = (False, True) in pairs, (True, False) in pairs
    return "non_unate" if rises == falls else "positive_unate" if rises else "negative_unate"


def _table(kind: str, table: Table) -> str:
    """A table over slew and load; an axis that the file's table lacks gets two points of equal values."""
    slews, loads, values = table.slews, table.loads, table.values
    if len(slews) < 2:
        slews, values = np.array([0.0, 1.0]), np.repeat(values, 2, axis=0)
    if len(loads) < 2:
        loads, values = np.array([0.0, 1.0]), np.repeat(values, 2, axis=1)
    rows = ", ".join(f'"{_row(row)}"' for row in values)
    axes = f'index_1 ("{_row(slews)}"); index_2 ("{_row(loads)}")'
    return f"        {kind} (delay_{len(slews)}_{len(loads)}) {{ {axes}; values ({rows}); }}\n"


def _row(values: Floats) -> str:
    return ", ".join(map(repr, values.tolist()))


def _flip_flop(flop: FlipFlop, plain: bool) -> str:
    controls = {} if plain else flop.asynchronous
    kept = {flop.data, flop.clock, *(pin for control in controls.values() for pin in control.pins)}
    state = "".join(f' {kind} : "{control}";' for kind, control in controls.items())
    inputs = "".join(_input(pin, value) for pin, value in flop.capacitance.items() if pin in kept)
    return (
        f"  cell ({flop.name}) {{\n    area : {flop.area!r};\n"
        f'    ff (IQ, IQN) {{ next_state : "{flop.data}"; clocked_on : "{flop.clock}";{state} }}\n'
        f'{inputs}    pin ({flop.output}) {{ direction : output; function : "IQ"; }}\n  }}\n'
    )


def _clock_gate(gate: ClockGate) -> str:
    """Its area and pins alone: neither Yosys nor ABC maps to it."""
    inputs = "".join(_input(pin, value) for pin, value in gate.capacitance.items())
    output = f"    pin ({gate.output}) {{ direction : output; }}\n"
    return f"  cell ({gate.name}) {{\n    area : {gate.area!r};\n{inputs}{output}  }}\n"
