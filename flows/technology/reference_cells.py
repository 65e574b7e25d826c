"""The cells that stand for a library: its NAND2, its inverter and its flip-flop, or which of them it lacks and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from compress.base.errors import CodesignError
from flows.technology.cells import RefusedCell, UsableCells
from flows.technology.clock_gates import ClockGate
from flows.technology.expressions import parse_expression
from flows.technology.flip_flops import FlipFlop
from flows.technology.gates import Gate

__all__ = ["ReferenceCells", "reference_cells"]

_NAND2 = parse_expression("!(A & B)").truth()
_INVERTER = parse_expression("!A").truth()
_TOLD = 3


@dataclass(frozen=True)
class ReferenceCells:
    """The smallest NAND2 and inverter, the flip-flop that registers are mapped to, the smallest clock gate if any."""

    nand2: Gate
    inverter: Gate
    flip_flop: FlipFlop
    clock_gate: ClockGate | None


def reference_cells(cells: UsableCells, where: str) -> ReferenceCells:
    """Those of the library from ``where``; a CodesignError names each that is missing and why cells were refused.

    The flip-flop is the one with the fewest tied pins, among these the smallest.
    """
    nands = [gate for gate in cells.gates if _is(gate, _NAND2)]
    inverters = [gate for gate in cells.gates if _is(gate, _INVERTER)]
    kinds: tuple[tuple[str, Sequence[Gate | FlipFlop], Callable[[RefusedCell], bool]], ...] = (
        ("NAND2", nands, lambda cell: _has_truth(cell, _NAND2)),
        ("inverter", inverters, lambda cell: _has_truth(cell, _INVERTER)),
        ("D flip-flop", cells.flip_flops, lambda cell: cell.group.first("ff") is not None),
    )
    lacking = [_lacking(kind, list(filter(meant, cells.refused))) for kind, found, meant in kinds if not found]
    if lacking:
        raise CodesignError(
            f"Liberty library {where} cannot be mapped to: {'; '.join(lacking)}",
            "give a standard-cell library with areas, pin capacitances and NLDM delay tables",
        )
    return ReferenceCells(
        min(nands, key=lambda gate: gate.area),
        min(inverters, key=lambda gate: (gate.area, *(pin.both for pin in gate.capacitance.values()))),
        min(cells.flip_flops, key=lambda flop: (len(flop.tied), flop.area)),
        min(cells.clock_gates, key=lambda gate: gate.area, default=None),
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


def _lacking(kind: str, candidates: list[RefusedCell]) -> str:
    if not candidates:
        return f"it has no {kind}"
    told = [f"{cell.name} ({cell.reason})" for cell in candidates[:_TOLD]]
    more = f" and {len(candidates) - _TOLD} more" if len(candidates) > _TOLD else ""
    return f"no {kind} can be used: {', '.join(told)}{more}"
