import numpy as np
import pytest

from compress.base.errors import CodesignError
from flows.technology.generic_library import generic_liberty
from flows.technology.liberty import Table, is_function, parse_library

NAND = (1, 1, 1, 0)


@pytest.mark.parametrize("text", ["!(A & B)", "(!A) | (!B)", "(A B)'", "!A+!B", "A' + B'", "!(A*B)"])
def test_a_nand_is_known_in_every_spelling(text: str) -> None:
    assert is_function(text, ("A", "B"), NAND)


@pytest.mark.parametrize("text", ["A & B", "!(A | B)", "!A", "!(A & C)", "(A", "__import__('os')", "!(A & B) & 1.5"])
def test_anything_else_is_not_a_nand(text: str) -> None:
    assert not is_function(text, ("A", "B"), NAND)


def test_tables_are_bilinear_inside_and_outside() -> None:
    table = Table(np.array([0.0, 1.0]), np.array([0.0, 2.0]), np.array([[0.0, 2.0], [1.0, 3.0]]))
    assert table.at(0.5, 1.0) == pytest.approx(1.5)
    assert table.at(2.0, 4.0) == pytest.approx(6.0)


def test_comments_and_braces_in_strings_do_not_count() -> None:
    text = 'library (x) { /* { */ comment : "}"; cell (A) { area : 2.5; pin (Y) { function : "A"; } } }'
    assert parse_library(text, "x").cell("A").number("area") == 2.5


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.99])
def test_a_truncated_library_is_refused(cut: float) -> None:
    text = generic_liberty()
    with pytest.raises(CodesignError, match=r"short\.lib is not a readable Liberty file"):
        parse_library(text[: int(cut * len(text))], "short.lib")


@pytest.mark.parametrize("text", ["", "module top; endmodule", "library (empty) { }", "\x00\x01\x02"])
def test_a_foreign_file_is_refused(text: str) -> None:
    with pytest.raises(CodesignError, match="not a readable Liberty file"):
        parse_library(text, "foreign.txt")
