import pytest

from flows.technology.cells import usable_cells
from flows.technology.generic_library import CELLS, FLIP_FLOPS, generic_liberty
from flows.technology.liberty import parse_liberty

BY_NAME = {cell.name: cell for cell in CELLS}


def test_an_inverter_driving_four_of_itself_takes_exactly_one_fo4_at_every_drive() -> None:
    for drive in (1, 2, 4, 8, 16):
        inverter = BY_NAME[f"INV_X{drive}"]
        assert inverter.delay("A", 4 * inverter.capacitance["A"]) == pytest.approx(1.0, abs=1e-12)


def test_a_nand2_is_one_gate_equivalent() -> None:
    assert BY_NAME["NAND2_X1"].area == 1.0


@pytest.mark.parametrize(
    ("name", "effort"),
    [("INV", 1), ("NAND2", 4 / 3), ("NAND3", 5 / 3), ("NAND4", 2), ("NOR2", 5 / 3), ("NOR3", 7 / 3), ("AOI22", 2)],
)
def test_logical_efforts_are_the_textbooks(name: str, effort: float) -> None:
    assert BY_NAME[f"{name}_X1"].capacitance["A"] == pytest.approx(effort)


def test_a_stronger_cell_is_larger_and_no_slower_under_load() -> None:
    for cell in CELLS:
        base, drive = cell.name.rsplit("_X", 1)
        stronger = BY_NAME.get(f"{base}_X{2 * int(drive)}")
        if stronger is not None:
            assert stronger.area > cell.area
            assert all(stronger.delay(pin, 20.0) < cell.delay(pin, 20.0) for pin in cell.parasitic)


def test_flip_flops_take_about_six_gates() -> None:
    assert 5 < next(flop for flop in FLIP_FLOPS if flop.name == "DFF_X1").area < 7


def test_the_text_is_read_back_with_the_same_areas_capacitances_and_delays() -> None:
    gates = {gate.name: gate for gate in usable_cells(parse_liberty(generic_liberty(), "generic")).gates}
    for cell in CELLS:
        read = gates[cell.name]
        assert read.area == pytest.approx(cell.area, abs=1e-6)
        assert {pin: value.both for pin, value in read.capacitance.items()} == pytest.approx(cell.capacitance, abs=1e-6)
        for pin, (arc,) in read.arcs.items():
            assert arc.sense == cell.sense[pin]
            assert arc.tables["cell_rise"].at(0.3, 7.0) == pytest.approx(cell.delay(pin, 7.0), abs=1e-5)
