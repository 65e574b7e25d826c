import re

import numpy as np
import pytest

from flows.technology.liberty import Group, parse_liberty
from flows.technology.tables import Table, number, read_table, templates

TEMPLATES = templates(
    parse_liberty(
        """library (x) {
          lu_table_template (by_slew) { variable_1 : input_net_transition; index_1 ("0, 1"); }
          lu_table_template (by_load) { variable_1 : total_output_net_capacitance; index_1 ("0, 2"); }
          lu_table_template (both) { variable_1 : input_net_transition; variable_2 : total_output_net_capacitance;
            index_1 ("0, 1"); index_2 ("0, 2"); }
          lu_table_template (swapped) { variable_1 : total_output_net_capacitance; variable_2 : input_net_transition;
            index_1 ("0, 2"); index_2 ("0, 1"); }
          lu_table_template (cube) { variable_1 : a; variable_2 : b; variable_3 : c; }
        }""",
        "x",
    )
)


def table(template: str, *values: str, **axes: str) -> Table:
    attributes = {name: (text,) for name, text in axes.items()} | {"values": values}
    return read_table(Group("cell_rise", (template,), attributes), TEMPLATES)


def test_tables_are_bilinear_inside_and_outside() -> None:
    made = Table(np.array([0.0, 1.0]), np.array([0.0, 2.0]), np.array([[0.0, 2.0], [1.0, 3.0]]))
    assert made.at(0.5, 1.0) == pytest.approx(1.5)
    assert made.at(2.0, 4.0) == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("made", "slew_1_load_2"),
    [
        (table("scalar", "5"), 5),
        (table("by_slew", "1, 7"), 7),
        (table("by_load", "1, 8"), 8),
        (table("both", "0, 1", "2, 3"), 3),
        (table("swapped", "0, 2", "1, 3"), 3),
        (table("both", "0, 1, 2, 3"), 3),
        (table("both", "0 1 2 3", index_2="0 4"), 2.5),
    ],
)
def test_every_shape_of_table_is_a_function_of_slew_and_load(made: Table, slew_1_load_2: float) -> None:
    assert made.at(1, 2) == slew_1_load_2


@pytest.mark.parametrize(
    ("template", "values", "axes", "told"),
    [
        ("none", ("1",), {}, "uses the template 'none', which the library does not have"),
        ("both", ("1, 2, 3",), {}, "values of cell_rise has 3 numbers instead of 4"),
        ("both", ("1, 2", "3, x"), {}, "values of cell_rise is not a number"),
        ("both", ("1, 2", "3, nan"), {}, "values of cell_rise is not finite"),
        ("both", ("1, 2, 3, 4",), {"index_1": "1, 0"}, "index_1 of cell_rise does not increase"),
        ("both", (), {}, "values of cell_rise is not a number: ''"),
        ("cube", ("1",), {}, "three dimensions"),
    ],
)
def test_an_incomplete_table_is_refused(
    template: str, values: tuple[str, ...], axes: dict[str, str], told: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        table(template, *values, **axes)


def test_a_number_is_given_missing_or_refused_and_never_zero() -> None:
    group = Group("cell", ("A",), {"area": ("2.5",), "odd": ("1 um",), "infinite": ("inf",)})
    assert number(group, "area") == 2.5
    assert number(group, "height") is None
    for name in ("odd", "infinite"):
        with pytest.raises(ValueError, match=name):
            number(group, name)
