from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.technology.expressions import Expression, assignments, parse_expression

PINS = ("A", "B1", "C_N", "D[3]")
NAND = (True, True, True, False)

leaves = st.sampled_from([Expression("pin", pin=pin) for pin in PINS] + [Expression("0"), Expression("1")])
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(lambda part: Expression("!", (part,))),
        st.builds(
            lambda operator, parts: Expression(operator, tuple(parts)),
            st.sampled_from("&|^"),
            st.lists(inner, min_size=2, max_size=3),
        ),
    ),
    max_leaves=8,
)
LEVEL = {"|": 0, "&": 1, "^": 2, "!": 3, "pin": 4, "0": 4, "1": 4}
SIGNS = {"|": (" | ", "+", "|", " + "), "&": (" & ", "*", " ", "&", "  "), "^": ("^", " ^ ")}


@st.composite
def spelled(draw: st.DrawFn, expression: Expression, least: int = 0) -> str:
    """A random spelling: any of the operators' signs, brackets where they are needed and some where they are not."""
    level = LEVEL[expression.operator]
    if level == 4:
        text = expression.pin or expression.operator
    elif expression.operator == "!":
        (part,) = expression.operands
        if draw(st.booleans()):
            text = "!" + draw(st.sampled_from(["", " "])) + draw(spelled(part, 3))
        else:
            text, level = draw(spelled(part, 4)) + draw(st.sampled_from(["", " "])) + "'", 4
    else:
        sign = draw(st.sampled_from(SIGNS[expression.operator]))
        text = sign.join(draw(spelled(part, level + 1)) for part in expression.operands)
    for _ in range(draw(st.integers(int(level < least), 2))):
        text = f"({text})" if draw(st.booleans()) else f"( {text} )"
    return text


def values(expression: Expression) -> list[bool]:
    return [expression.at(row) for row in assignments(PINS)]


@given(expressions.flatmap(lambda expression: st.tuples(st.just(expression), spelled(expression))))
def test_every_spelling_of_a_function_has_its_truth_table(case: tuple[Expression, str]) -> None:
    expression, text = case
    assert values(parse_expression(text)) == values(expression)


@given(expressions)
def test_what_is_written_for_the_mapper_is_the_same_function_fully_bracketed(expression: Expression) -> None:
    assert values(parse_expression(str(expression))) == values(expression)


@given(st.text("AB01!&|^+*'() $", max_size=12))
def test_any_other_text_is_an_expression_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        parse_expression(text).truth()


@pytest.mark.parametrize(
    "text", ["!(A & B)", "(!A) | (!B)", "(A B)'", "!A+!B", "A' + B'", "!(A*B)", "((!((A)*(B))))", "!A|!B 1"]
)
def test_a_nand_is_known_in_every_spelling(text: str) -> None:
    assert parse_expression(text).truth() == NAND


def test_xor_binds_before_and_before_or() -> None:
    assert str(parse_expression("A | B & C ^ D'")) == "(A | (B & (C ^ !D)))"


@pytest.mark.parametrize("text", ["", "  ", "A &", "(A", "A)", "!", "A $ B", "2", "1A", "'A", "()", "(" * 5000 + "A"])
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_expression(text)


@pytest.mark.parametrize(("quotes", "expected"), [(3000, (False, True)), (3001, (True, False))])
def test_any_number_of_inversions_behind_a_pin_is_read(quotes: int, expected: tuple[bool, ...]) -> None:
    expression = parse_expression("A" + "'" * quotes)
    assert expression.truth() == expected
    assert str(expression) == ("!A" if quotes % 2 else "A")


def test_the_deepest_expression_that_is_accepted_can_be_used() -> None:
    text = "A"
    for _ in range(50):
        text = "(B | C & D ^ " + text + "'" * 99 + ")"
    expression = parse_expression(text)
    assert len(expression.truth()) == 16
    assert str(expression).count("(") == 150
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_expression(f"({text})")


def test_a_long_sum_is_read_without_recursion() -> None:
    assert parse_expression(" + ".join(["A"] * 5000)).truth() == (False, True)
