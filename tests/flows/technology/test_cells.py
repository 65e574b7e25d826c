import pytest

from flows.technology.generic_library import CELLS, FLIP_FLOPS, generic_liberty
from tests.flows.technology.liberty_text import cell_text, edited, judged, reason, with_cells

NAND = cell_text("NAND2_X1")
FLOP = cell_text("DFF_X1")
INPUT = "pin ({}) {{ direction : input; capacitance : 1; }}"
OUTPUT = 'pin (Y) { direction : output; function : "A"; }'


def test_every_cell_of_the_generic_library_is_usable() -> None:
    cells = judged(generic_liberty())
    assert [gate.name for gate in cells.gates] == [*(cell.name for cell in CELLS), "TIELO", "TIEHI"]
    assert [flop.name for flop in cells.flip_flops] == [flop.name for flop in FLIP_FLOPS]
    assert cells.refused == ()


@pytest.mark.parametrize(
    ("value", "refused"),
    [("true", True), ('"true"', True), ("TRUE", True), ("1", True), ("false", False), ('"false"', False), ("0", False)],
)
@pytest.mark.parametrize("cell", ["NAND2_X1", "DFF_X1"])
def test_dont_use_counts_by_its_value(cell: str, value: str, refused: bool) -> None:
    text = edited(cell, "area :", f"dont_use : {value};\n    area :")
    assert reason(text, cell) == ("it is marked dont_use" if refused else "")


def test_a_flag_that_is_no_truth_value_is_told() -> None:
    assert reason(edited("NAND2_X1", "area :", "dont_use : maybe; area :"), "NAND2_X1") == (
        "dont_use is neither true nor false: 'maybe'"
    )


@pytest.mark.parametrize(
    ("pattern", "replacement", "told"),
    [
        (r"area : [\d.]+;", "", "its area is not given"),
        (r"area : [\d.]+;", "area : 0;", "its area is 0"),
        (r"area : [\d.]+;", "area : -1;", "its area is -1"),
        (r"area : [\d.]+;", "area : nan;", "the cell: area is not finite: 'nan'"),
        (r"area : [\d.]+;", "area : large;", "the cell: area is not a number: 'large'"),
    ],
)
@pytest.mark.parametrize("cell", ["NAND2_X1", "DFF_X1"])
def test_an_area_is_given_and_above_zero(cell: str, pattern: str, replacement: str, told: str) -> None:
    assert reason(edited(cell, pattern, replacement), cell) == told


@pytest.mark.parametrize(
    "kind",
    [
        "is_level_shifter : true",
        "is_isolation_cell : true",
        "latch () { }",
    ],
)
def test_cells_for_other_purposes_are_refused(kind: str) -> None:
    assert reason(edited("NAND2_X1", "area :", f"{kind}; area :"), "NAND2_X1").startswith("it is a special cell: ")


def test_a_cell_defined_twice_counts_once_and_is_refused_if_the_definitions_differ() -> None:
    assert reason(with_cells(NAND), "NAND2_X1") == ""
    assert len(judged(with_cells(NAND)).gates) == len(judged(generic_liberty()).gates)
    other = NAND.replace("area : 1.0", "area : 0.5")
    assert reason(with_cells(other), "NAND2_X1") == "it is defined twice, differently"


def test_two_flip_flops_in_a_cell_are_refused() -> None:
    assert reason(edited("DFF_X1", r"(ff \(.*?\})", r"\1 \1"), "DFF_X1") == "it has 2 flip-flops"


def test_a_name_that_tools_could_misread_is_refused() -> None:
    assert reason(with_cells(NAND.replace("NAND2_X1", '"NAND 2"')), "NAND 2") == "its name is not an identifier"
