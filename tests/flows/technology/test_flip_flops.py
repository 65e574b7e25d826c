import pytest

from flows.technology.flip_flops import FlipFlop
from tests.flows.technology.liberty_text import cell_text, edited, judged, reason, with_cells

FLOP = cell_text("DFF_X1")


def variant(name: str, *pins: str, **state: str) -> str:
    """The plain flip-flop with more input pins and other attributes of its ff group."""
    text = FLOP.replace("DFF_X1", name)
    for attribute, value in state.items():
        given = 'clocked_on : "CK";' if attribute not in ("next_state", "clocked_on") else f'{attribute} : "'
        if given.endswith(";"):
            text = text.replace(given, f'{given} {attribute} : "{value}";')
        else:
            before, _, after = text.partition(given)
            text = before + given + value + after[after.index('"') :]
    inputs = "".join(f"    pin ({pin}) {{ direction : input; capacitance : 1; }}\n" for pin in pins)
    return text.replace("    pin (Q)", f"{inputs}    pin (Q)")


def flop(cell: str, name: str) -> FlipFlop:
    return next(flop for flop in judged(with_cells(cell)).flip_flops if flop.name == name)


@pytest.mark.parametrize(
    ("pins", "state", "tied"),
    [
        ((), {}, {}),
        ((), {"next_state": "((D))"}, {}),
        (("RN",), {"clear": "!RN"}, {"RN": True}),
        (("R",), {"clear": "(R)"}, {"R": False}),
        (("SN",), {"preset": "SN'"}, {"SN": True}),
        (("S",), {"preset": "S"}, {"S": False}),
        (("RN", "SN"), {"clear": "!RN", "preset": "!SN"}, {"RN": True, "SN": True}),
        (("RN", "EN"), {"clear": "!RN * EN"}, {"RN": False, "EN": False}),
        (("SE", "SI"), {"next_state": "(SE*SI)+(D*!SE)"}, {"SE": False, "SI": False}),
        (("SE_N", "SI"), {"next_state": "(SE_N' SI)+(D SE_N)"}, {"SE_N": True, "SI": False}),
        (("DE",), {"next_state": "(D&DE) | (IQ&!DE)"}, {"DE": True}),
        (("RN",), {"next_state": "D RN"}, {"RN": True}),
        (("X",), {}, {"X": False}),
    ],
)
def test_pins_are_tied_where_the_next_state_becomes_the_data(
    pins: tuple[str, ...], state: dict[str, str], tied: dict[str, bool]
) -> None:
    found = flop(variant("FF", *pins, **state), "FF")
    assert (found.data, found.clock, found.output) == ("D", "CK", "Q")
    assert found.tied == tied


@pytest.mark.parametrize(
    ("pins", "state", "told"),
    [
        ((), {"clocked_on": "!CK"}, "it is not clocked by the rising edge of one pin: !CK"),
        (("G",), {"clocked_on": "CK & G"}, "it is not clocked by the rising edge of one pin: (CK & G)"),
        ((), {"clocked_on_also": "CK"}, "it has two clocks"),
        ((), {"next_state": "!D"}, "no constants at its other inputs make its next state the data: !D"),
        ((), {"next_state": "!IQ"}, "no constants at its other inputs"),
        ((), {"next_state": "D + T"}, "its ff group uses T, which it has no input for"),
        ((), {"clocked_on": "CLK"}, "its ff group uses CLK, which it has no input for"),
        ((), {"next_state": "D & CK"}, "its ff group uses the clock CK as data or control"),
        (("R",), {"clear": "R + !R"}, "no constants at its other inputs"),
        ((), {"next_state": "D +"}, "next_state of its ff group: "),
        (tuple(f"P{i}" for i in range(9)), {}, "it has 10 inputs beside the clock"),
    ],
)
def test_what_no_constants_make_a_rising_edge_flip_flop_is_refused(
    pins: tuple[str, ...], state: dict[str, str], told: str
) -> None:
    assert reason(with_cells(variant("FF", *pins, **state)), "FF").startswith(told)


@pytest.mark.parametrize(
    ("pattern", "replacement", "told"),
    [
        ('next_state : "D";', "", "its ff group has no next_state"),
        ('clocked_on : "CK";', "", "its ff group has no clocked_on"),
        ('function : "IQ"', 'function : "IQN"', "it has no output that follows the state"),
        ('function : "IQ"', 'three_state : "EN"; function : "IQ"', "it has no output that follows the state"),
        ("setup_rising", "hold_rising", "pin D has no rise_constraint from CK"),
        ("fall_constraint", "other", "pin D has no fall_constraint from CK"),
        ("rising_edge", "falling_edge", "pin Q has no cell_rise from CK"),
        ("cell_fall", "other", "pin Q has no cell_fall from CK"),
        (
            r"pin \(CK\) \{ direction : input; capacitance : [\d.]+;",
            "pin (CK) { direction : input;",
            "pin CK has no capacit",
        ),
    ],
)
def test_what_a_flip_flop_lacks_is_told_with_its_pin(pattern: str, replacement: str, told: str) -> None:
    assert reason(edited("DFF_X1", pattern, replacement), "DFF_X1").startswith(told)


def test_the_output_that_follows_the_state_is_found_by_its_function() -> None:
    text = variant("FF").replace('function : "IQ"', 'function : "!IQN"')
    inverse = '    pin (QN) { direction : output; function : "IQN"; }\n'
    assert flop(text.replace("    pin (Q)", f"{inverse}    pin (Q)"), "FF").output == "Q"


def test_a_pin_declared_as_data_is_the_data() -> None:
    text = variant("FF", "A", next_state="A D").replace("pin (A) {", "pin (A) { nextstate_type : data;")
    assert reason(with_cells(text), "FF") == "pin A has no rise_constraint from CK"
    assert flop(variant("FF", "A", next_state="A D"), "FF").tied == {"A": True}
