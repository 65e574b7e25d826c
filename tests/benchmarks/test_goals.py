from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.goals import Goal, goals_table

MARKS = st.floats(-10, 10)


@pytest.mark.parametrize(
    ("better", "value", "verdict"),
    [
        ("higher", 91.0, "goal met"),
        ("higher", 90.9, "met"),
        ("higher", 90.2, "missed"),
        ("lower", 91.0, "goal met"),
        ("lower", 91.1, "missed"),
        ("higher", None, "not measured"),
    ],
)
def test_a_value_is_judged_by_its_direction(
    better: Literal["higher", "lower"], value: float | None, verdict: str
) -> None:
    assert Goal("accuracy", "%", better, value, 90.3 if better == "higher" else 91.0, 91.0).verdict == verdict


@given(MARKS, MARKS, MARKS)
def test_lower_is_higher_of_the_negative(value: float, must: float, goal: float) -> None:
    higher = Goal("x", "", "higher", value, must, goal)
    assert higher.verdict == Goal("x", "", "lower", -value, -must, -goal).verdict


@pytest.mark.parametrize(
    ("must", "goal", "verdict"),
    [
        (None, None, "shown"),
        (2.0, None, "met"),
        (4.0, None, "missed"),
        (None, 2.0, "goal met"),
        (None, 4.0, "goal missed"),
    ],
)
def test_a_mark_that_is_not_given_is_neither_met_nor_missed(
    must: float | None, goal: float | None, verdict: str
) -> None:
    assert Goal("x", "s", "higher", 3.0, must, goal).verdict == verdict


def test_the_table_has_a_row_for_each_line() -> None:
    lines = [Goal("size", "x", "higher", value, 60, 80, "why").to_dict() for value in (59.96, None)]
    *_, first, second = goals_table(lines).splitlines()
    assert first == "| size | 60 | 80 | **59.96** | x | missed | why |"
    assert second == "| size | 60 | 80 | **–** | x | not measured | why |"
