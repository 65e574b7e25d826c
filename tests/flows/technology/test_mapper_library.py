from dataclasses import replace

import pytest

from flows.technology.cells import UsableCells
from flows.technology.generic_library import generic_liberty
from flows.technology.mapper_library import mapper_library
from flows.technology.reference_cells import reference_cells
from flows.technology.units import Units
from tests.flows.technology.liberty_text import edited, judged, with_cells
from tests.flows.technology.test_flip_flops import variant

UNITS = Units("1ns", (1.0, "ff"))


def written(text: str) -> UsableCells:
    """The cells that the mapper reads: what is written for it, read again; flip-flops are written without timing."""
    cells = judged(text)
    mapped = mapper_library(cells, reference_cells(cells, "x").flip_flop, None, UNITS)
    return judged(mapped)


def names(cells: UsableCells) -> list[str]:
    return [gate.name for gate in cells.gates] + [cell.name for cell in cells.refused]


def test_gates_are_written_as_they_were_read() -> None:
    before, after = judged(generic_liberty()).gates, written(generic_liberty()).gates
    assert [gate.name for gate in after] == [gate.name for gate in before]
    for old, new in zip(before, after, strict=True):
        assert repr(new) == repr(replace(old, function=new.function))
        assert new.function.truth() == old.function.truth()
        assert repr(new.arcs) == repr(old.arcs)


@pytest.mark.parametrize("change", ["dont_use : true; area :", "is_isolation_cell : true; area :", "height :"])
@pytest.mark.parametrize("cell", ["XOR2_X1", "DFFR_X1"])
def test_a_refused_cell_is_not_there(cell: str, change: str) -> None:
    assert cell in names(written(generic_liberty()))
    assert cell not in names(written(edited(cell, "area :", change)))


def test_there_is_one_plain_flip_flop_and_those_with_clear_or_preset() -> None:
    assert [cell.name for cell in written(generic_liberty()).refused] == ["DFF_X1", "DFFR_X1", "DFFS_X1"]


def test_the_reference_is_written_without_its_tied_pins() -> None:
    cells = judged(with_cells(variant("ODD", "RN", "SE", "SI", clear="!RN", next_state="(SE*SI)+(D*!SE)")))
    odd = next(flop for flop in cells.flip_flops if flop.name == "ODD")
    text = mapper_library(replace(cells, flip_flops=(odd,)), odd, None, UNITS)
    cell = text[text.index("cell (ODD)") :]
    assert 'ff (IQ, IQN) { next_state : "D"; clocked_on : "CK"; }' in cell
    assert not any(f"pin ({pin})" in cell for pin in ("RN", "SE", "SI"))


def test_a_missing_sense_is_that_of_the_function() -> None:
    for cell, senses in (
        ("NAND2_X1", {"negative_unate"}),
        ("AND2_X1", {"positive_unate"}),
        ("XOR2_X1", {"non_unate"}),
        ("MUX2_X1", {"positive_unate", "non_unate"}),
    ):
        gates = written(edited(cell, r"timing_sense : \w+;", "")).gates
        gate = next(gate for gate in gates if gate.name == cell)
        assert {arc.sense for arcs in gate.arcs.values() for arc in arcs} == senses


def test_scalar_tables_become_two_by_two() -> None:
    scalar = r'cell_rise \(linear\) \{ values \("[^"]*", "[^"]*"\)'
    gates = written(edited("NAND2_X1", scalar, 'cell_rise (scalar) { values ("7")')).gates
    table = next(gate for gate in gates if gate.name == "NAND2_X1").arcs["A"][0].tables["cell_rise"]
    assert table.values.tolist() == [[7, 7], [7, 7]]
    assert table.at(3, 9) == 7
