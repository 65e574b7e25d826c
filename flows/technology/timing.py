"""What is measured in a library: NAND2 area, delay of a fan-out-of-four inverter, clk-to-q and setup of a flip-flop."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from compress.base.errors import CodesignError
from flows.technology.cells import RefusedCell, UsableCells
from flows.technology.expressions import parse_expression
from flows.technology.flip_flops import FlipFlop
from flows.technology.gates import Gate
from flows.technology.pins import Arc, Capacitance

__all__ = ["ReferenceCells", "clk_to_q", "fanout_of_four", "reference_cells", "setup"]

_NAND2 = parse_expression("!(A & B)").truth()
_INVERTER = parse_expression("!A").truth()
_FIXED_POINT_STEPS = 30
_TOLD = 3


@dataclass(frozen=True)
class ReferenceCells:
    """The smallest NAND2 and inverter, and the flip-flop that registers are mapped to."""

    nand2: Gate
    inverter: Gate
    flip_flop: FlipFlop


def reference_cells(cells: UsableCells, where: str) -> ReferenceCells:
    """Those of the library from ``where``; a CodesignError tells each that is missing and why cells were refused.

    The flip-flop is the one with the fewest tied pins, among these the smallest.
    """
    nands = [gate for gate in cells.gates if _is(gate, _NAND2)]
    inverters = [gate for gate in cells.gates if _is(gate, _INVERTER)]
    lacking = [
        _lacking(kind, [cell for cell in cells.refused if is_candidate(cell)])
        for kind, found, is_candidate in (
            ("NAND2", nands, lambda cell: _has_truth(cell, _NAND2)),
            ("inverter", inverters, lambda cell: _has_truth(cell, _INVERTER)),
            ("D flip-flop", cells.flip_flops, _is_sequential),
        )
        if not found
    ]
    if lacking:
        raise CodesignError(
            f"Liberty library {where} cannot be mapped to: {'; '.join(lacking)}",
            "give a standard-cell library with areas, pin capacitances and NLDM delay tables",
        )
    return ReferenceCells(
        min(nands, key=lambda gate: gate.area),
        min(inverters, key=lambda gate: (gate.area, _input(gate).both)),
        min(cells.flip_flops, key=lambda flop: (len(flop.tied), flop.area)),
    )


def _is(gate: Gate, truth: tuple[bool, ...]) -> bool:
    return 1 << len(gate.capacitance) == len(truth) and gate.function.truth() == truth


def _has_truth(cell: RefusedCell, truth: tuple[bool, ...]) -> bool:
    """Whether an output of a refused cell has the function."""
    for pin in cell.group.all("pin"):
        try:
            function = parse_expression(pin.text("function") or "")
        except ValueError:
            continue
        if 1 << len(function.pins) == len(truth) and function.truth() == truth:
            return True
    return False


def _is_sequential(cell: RefusedCell) -> bool:
    return cell.group.first("ff") is not None


def _lacking(kind: str, candidates: list[RefusedCell]) -> str:
    if not candidates:
        return f"it has no {kind}"
    told = [f"{cell.name} ({cell.reason})" for cell in candidates[:_TOLD]]
    more = f" and {len(candidates) - _TOLD} more" if len(candidates) > _TOLD else ""
    return f"no {kind} can be used: {', '.join(told)}{more}"


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
