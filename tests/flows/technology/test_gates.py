import pytest

from flows.technology.gates import Gate
from tests.flows.technology.liberty_text import edited, judged, reason, with_cells

ADDER = """cell (HA) { area : 0.3; pin (A) { direction : input; capacitance : 1; }
  pin (B) { direction : input; capacitance : 1; } pin (C) { direction : output; function : "A B"; }
  pin (S) { direction : output; function : "A^B"; } }
"""
FILL = "cell (FILL) { area : 0.3; }\n"


def gate(text: str, name: str = "NAND2_X1") -> Gate:
    return next(gate for gate in judged(text).gates if gate.name == name)


@pytest.mark.parametrize(
    ("pattern", "replacement", "told"),
    [
        ("function :", "three_state : EN; function :", "pin Y is a three-state output"),
        (r'function : "[^"]*";', "", "pin Y has no function"),
        (r"\(A & B\)", "(A & B", "function of pin Y: a parenthesis is not closed in '!(A & B'"),
        (r"\(A & B\)", "A", "inputs and function disagree about B"),
        (r"\(A & B\)", "(A & B & C)", "inputs and function disagree about C"),
        (r"pin \(A\)", "pin (A/B)", "the name of pin 'A/B' is not an identifier"),
        ("direction : input", "direction : sideways", "pin A has no direction or an unknown one"),
        ("direction : input; ", "", "pin A has no direction or an unknown one"),
        ("direction : input", "direction : inout", "it has inout or internal pins"),
        (r"capacitance : 1[\d.]+;", "", "pin A has no capacitance above 0"),
        (r"capacitance : 1[\d.]+;", "capacitance : 0.0;", "pin A has no capacitance above 0"),
        ("cell_rise", "other_rise", "pin Y has no cell_rise from A"),
        ("fall_transition", "other_transition", "pin Y has no fall_transition from A"),
        ('related_pin : "B"', 'related_pin : "A"', "pin Y has no cell_rise from B"),
        ("timing_sense", "timing_type : three_state_enable; timing_sense", "pin Y has no cell_rise from A"),
        ("negative_unate", "odd", "pin Y from A: unknown timing_sense 'odd'"),
        (r"cell_rise \(linear\)", "cell_rise (none)", "pin Y from A: cell_rise uses the template 'none'"),
        (r'values \("[\d.]+, ', 'values ("', "pin Y from A: values of cell_rise has 3 numbers instead of 4"),
    ],
)
def test_what_a_gate_lacks_is_told_with_its_pin(pattern: str, replacement: str, told: str) -> None:
    assert reason(edited("NAND2_X1", pattern, replacement), "NAND2_X1").startswith(told)


@pytest.mark.parametrize(
    ("given", "both", "rise", "fall"),
    [
        ("capacitance : 2;", 2, 2, 2),
        ("capacitance : 2; rise_capacitance : 3; fall_capacitance : 1;", 2, 3, 1),
        ("rise_capacitance : 3; fall_capacitance : 2;", 2.5, 3, 2),
        ("fall_capacitance : 2;", 2, 2, 2),
        ("", 7, 7, 7),
    ],
)
def test_a_capacitance_comes_from_the_pin_its_edges_or_the_library(
    given: str, both: float, rise: float, fall: float
) -> None:
    text = edited("NAND2_X1", r"capacitance : 1[\d.]+;", given)
    found = gate(text.replace("time_unit", "default_input_pin_cap : 7;\n  time_unit", 1)).capacitance["A"]
    assert (found.both, found.rise, found.fall) == (both, rise, fall)


def test_several_outputs_or_none_are_no_gate() -> None:
    text = with_cells(ADDER, FILL)
    assert reason(text, "HA") == "it has 2 outputs instead of one"
    assert reason(text, "FILL") == "it has 0 outputs instead of one"


@pytest.mark.parametrize("inputs", [2, 12, 13, 22])
def test_a_gate_of_more_inputs_than_any_library_has_is_refused(inputs: int) -> None:
    names = [f"I{number}" for number in range(inputs)]
    given = "".join(f"pin ({name}) {{ direction : input; capacitance : 1; }}\n" for name in names)
    wide = f"""cell (WIDE) {{ area : 1; {given}
      pin (Y) {{ direction : output; function : "{" & ".join(names)}"; }} }}\n"""
    expected = "pin Y has no cell_rise from I0" if inputs <= 12 else f"it has {inputs} inputs, more than 12"
    assert reason(with_cells(wide), "WIDE") == expected


def test_power_pins_and_unread_groups_change_nothing() -> None:
    plain = gate(edited("NAND2_X1", "area", "  area"))
    power = edited("NAND2_X1", "area", "pg_pin (VDD) { pg_type : primary_power; } leakage_power () { value : 1; } area")
    assert repr(gate(power)) == repr(plain)


def test_a_pin_group_may_name_several_pins_and_a_pin_may_have_several_groups() -> None:
    text = edited(
        "NAND2_X1", r"    pin \(A\).*?\}\n    pin \(B\) \{ direction : input; ", "    pin (A, B) { direction : input; "
    )
    split = edited("NAND2_X1", r"pin \(Y\) \{\n      direction : output;", "pin (Y) { direction : output; } pin (Y) {")
    assert repr(gate(text)) == repr(gate(split)) == repr(gate(edited("NAND2_X1", "area", " area")))


def test_edges_may_be_in_separate_groups() -> None:
    head = r'(timing \(\) \{\n *related_pin : "A";\n *timing_sense : negative_unate;\n)'
    tables = r"( *cell_rise.*?\n)( *cell_fall.*?\n)( *rise_tr.*?\n)( *fall_tr.*?\n)"
    parts = r"\1\2\4} timing () { timing_type : combinational_fall; related_pin : A;\3\5"
    found = gate(edited("NAND2_X1", head + tables, parts)).arcs["A"]
    assert [sorted(arc.tables) for arc in found] == [["cell_rise", "rise_transition"], ["cell_fall", "fall_transition"]]
