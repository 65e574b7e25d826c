import re

import pytest

from compress.base.errors import CodesignError
from flows.technology.liberty import parse_liberty
from flows.technology.units import Units, read_units


def units(header: str) -> Units:
    return read_units(parse_liberty(f"library (x) {{ {header} }}", "x.lib"), "x.lib")


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [('"1ns"', 1), ("1ns", 1), ('"1.0 ns"', 1), ('"1NS"', 1), ("100ps", 0.1), ("10ps", 0.01), ('"1ps"', 0.001)],
)
def test_the_unit_of_time_is_read_from_the_file(text: str, nanoseconds: float) -> None:
    assert units(f"time_unit : {text};").nanoseconds == nanoseconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('(1, "pf")', (1, "pf")),
        ("(1.0000, ff)", (1, "ff")),
        ('("10", "fF")', (10, "ff")),
        ("(0.001,pf)", (0.001, "pf")),
    ],
)
def test_the_unit_of_capacitance_is_read_from_the_file(text: str, expected: tuple[float, str]) -> None:
    assert units(f"capacitive_load_unit {text};").capacitance == expected


def test_a_file_without_units_has_those_that_liberty_prescribes() -> None:
    assert units("") == Units("1ns", (1.0, "pf"))


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("time_unit : 1fortnight;", "x.lib: unknown time_unit '1fortnight'"),
        ("time_unit : 5ns;", "x.lib: unknown time_unit '5ns'"),
        ("capacitive_load_unit (1, farad);", "x.lib: unknown capacitive_load_unit (1, farad)"),
        ("capacitive_load_unit (0, pf);", "x.lib: unknown capacitive_load_unit (0, pf)"),
        ("capacitive_load_unit (inf, ff);", "x.lib: unknown capacitive_load_unit (inf, ff)"),
        ("capacitive_load_unit (nan, ff);", "x.lib: unknown capacitive_load_unit (nan, ff)"),
        ("capacitive_load_unit (pf);", "x.lib: unknown capacitive_load_unit (pf)"),
        ("capacitive_load_unit : 1pf;", "x.lib: unknown capacitive_load_unit (1pf)"),
    ],
)
def test_an_unknown_unit_is_refused(header: str, told: str) -> None:
    with pytest.raises(CodesignError, match=re.escape(told)):
        units(header)
