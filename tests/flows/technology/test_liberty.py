import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from flows.technology.cells import UsableCells
from flows.technology.generic_library import generic_liberty
from flows.technology.liberty import Group, parse_liberty
from tests.flows.technology.liberty_text import SMALL_TEXT, judged, small_library

GAPS = st.lists(
    st.sampled_from([" ", "\n", "\r\n", "\t", "/* } */", '/* " ( */\n', "// ; {\n", "\\\n"]), min_size=1, max_size=3
)


@st.composite
def written(draw: st.DrawFn, group: Group) -> str:
    """A group with random white space, comments, quotes and ends of attributes."""
    texts = draw(st.lists(GAPS, min_size=8, max_size=8))
    gaps = ["".join(text) for text in texts]
    pace = draw(st.integers(1, 7))
    return _written(group, gaps, [pace])


def _written(group: Group, gaps: list[str], state: list[int]) -> str:
    def gap() -> str:
        state.append((state[-1] * 5 + state[0]) % 64)
        return gaps[state[-1] % len(gaps)]

    def quoted(value: str) -> str:
        plain = re.fullmatch(r"[\w.]+", value) and state[-1] % 2
        return value if plain else '"' + value.replace(", ", ",\\\n " if state[-1] % 3 == 0 else ", ") + '"'

    def attribute(name: str, values: tuple[str, ...]) -> str:
        if len(values) > 1 or name in ("values", "index_1", "index_2"):
            inner = f"{gap()},{gap()}".join(map(quoted, values))
            return f"{name}{gap()}({gap()}{inner}{gap()}){gap()}{';' if state[-1] % 2 else ''}"
        end = ";" if state[-1] % 3 else "\n"
        return f"{name}{gap()}:{gap()}{quoted(values[0])} {end}"

    statements = [attribute(name, values) + gap() for name, values in group.attributes.items()]
    statements += [_written(child, gaps, state) for child in group.groups]
    args = f"{gap()},{gap()}".join(map(quoted, group.args))
    end = ";" if state[-1] % 4 == 0 else ""
    return f"{group.kind}{gap()}({args}){gap()}{{{gap()}{''.join(statements)}}}{end}{gap()}"


@given(written(small_library()))
def test_layout_comments_quotes_and_ends_of_attributes_change_nothing(text: str) -> None:
    assert _without_breaks(parse_liberty(text, "x")) == _without_breaks(small_library())


def _without_breaks(group: Group) -> Group:
    """The group without white space in its values: a continued line brings some."""
    plain = {name: tuple("".join(value.split()) for value in values) for name, values in group.attributes.items()}
    return Group(group.kind, group.args, plain, [_without_breaks(child) for child in group.groups])


def figures(cells: UsableCells) -> dict[str, str]:
    """All that is used of each cell, but for what a gate need not have: limits, and the sense of its arcs."""
    gates = {
        gate.name: f"{replace(gate, limits={})!r} {[arc.tables for arcs in gate.arcs.values() for arc in arcs]!r}"
        for gate in cells.gates
    }
    return gates | {flop.name: f"{flop!r} {flop.clk_to_q!r} {flop.setup!r}" for flop in cells.flip_flops}


RIGHT = figures(judged(SMALL_TEXT))


@given(st.integers(0, len(SMALL_TEXT.rstrip()) - 1))
def test_a_truncated_library_is_refused_with_the_line(length: int) -> None:
    with pytest.raises(CodesignError, match=r"test\.lib is not a readable Liberty file: line \d+: "):
        judged(SMALL_TEXT[:length])


@given(
    st.integers(0, len(SMALL_TEXT) - 1), st.sampled_from(["", *'{}():;"\\/*\n,\x00', "/*", '";', "} }"]), st.booleans()
)
@example(SMALL_TEXT.index("!(A & B)"), "", True)
def test_a_damaged_character_is_an_error_or_refuses_cells_and_changes_none(at: int, new: str, replaces: bool) -> None:
    if (replaces and SMALL_TEXT[at].isalnum()) or SMALL_TEXT[at] in ".!&|^-":
        replaces = False  # another number or another function is no damage that anyone could see
    try:
        cells = figures(judged(SMALL_TEXT[:at] + new + SMALL_TEXT[at + replaces :]))
    except CodesignError:
        return
    assert {name: RIGHT.get(name) for name in cells} == cells


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.99])
def test_a_library_cut_anywhere_is_told_by_name(cut: float) -> None:
    text = generic_liberty()
    with pytest.raises(CodesignError, match=r"short\.lib is not a readable Liberty file"):
        parse_liberty(text[: int(cut * len(text))], "short.lib")


@pytest.mark.parametrize("text", ["", "module top; endmodule", "\x00\x01\x02", "library (a) { } library (b) { }"])
def test_a_foreign_file_is_refused(text: str) -> None:
    with pytest.raises(CodesignError, match="not a readable Liberty file: line 1: "):
        parse_liberty(text, "foreign.txt")


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("area 2;", "line 3: '2' after 'area'"),
        ("area : ;", "line 3: 'area' has no value"),
        ("area : 1 height : 2;", "line 3: 'area' has more than one value; is a ';' missing?"),
        ('a : rea ("1");', "line 3: 'a' has more than one value"),
        ("area : (1;", "line 3: 'area' has no value or one with unequal parentheses"),
        ("/* area : 1;", "line 3: '/' where an attribute"),
        ('area : "1;', "line 3: the value of 'area' is never ended"),
        ("pin (A {", "line 3: a parenthesis that is never closed"),
        ("pin (A) {", "line 1: the library group that begins here is never closed"),
        ("{ }", "line 3: '{' where an attribute"),
        ("a (b) {" * 100_000, "nested too deeply"),
    ],
)
def test_a_statement_that_cannot_be_read_is_told_with_its_line(statement: str, told: str) -> None:
    with pytest.raises(CodesignError, match=re.escape(told)):
        parse_liberty(f"library (x) {{\n  cell (C) {{\n    {statement}\n  }}\n}}\n", "x.lib")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("clear : (!RN);", "(!RN)"),
        ('clear : ("!RN")', "(!RN)"),
        ("clear : !RN", "!RN"),
        ("clear : (A\n + B);", "(A + B)"),
        ("clear : A \\\n + B;", "A + B"),
        ("clear : A /* or */ + B; // so\n", "A + B"),
        ('clear : "\\"1A\\" B";', '"1A" B'),
        ('clear (A, "B", (C D))\n', "A, B, C, D"),
        ("clear : A; clear : B;", "B"),
        ("clear : 18:11:20;", "18:11:20"),
        ('clear : ("!RN");', "(!RN)"),
        ('clear : "A" "B";', "A B"),
        ('clear : "";', ""),
    ],
)
def test_forms_of_attributes(written: str, value: str) -> None:
    assert parse_liberty(f"library (x) {{ ff (Q) {{ {written} }} }}", "x").groups[0].text("clear") == value


def test_define_statements_and_groups_of_any_name_are_kept() -> None:
    library = parse_liberty('library ("x") { define (a, cell, string); odd () { b : 1 } }', "x")
    assert library.attributes == {"define": ("a", "cell", "string")}
    assert library.first("odd") == Group("odd", (), {"b": ("1",)})
    assert library.name == "x"
