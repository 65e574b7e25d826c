from __future__ import annotations

import pytest
from torch import nn

from compress.admm.split_variables import Constraint
from compress.base.errors import CodesignError
from compress.methods.scopes import LAYER, N_OF_M, NETWORK, ROW_BALANCED, Scope, check_pattern
from compress.methods.target import Target
from compress.sets.balance import GroupCardinality, InputPattern
from compress.sets.constraints import Cardinality

HALF = Target(ratio=2.0, rows=4)
"""Of ``small_network``: layer "0" has 3 filters of 9 weights, layer "4" 10 of 27."""


@pytest.mark.parametrize(
    ("scope", "target", "expected"),
    [
        (LAYER, HALF, [Constraint(("0",), Cardinality(14)), Constraint(("4",), Cardinality(135))]),
        (LAYER, Target(alphas={"4": 0.1, "0": 1.0}), [Constraint(("4",), Cardinality(27))]),
        (NETWORK, HALF, [Constraint(("0", "4"), Cardinality(148))]),
        (
            ROW_BALANCED,
            HALF,
            [Constraint(("0",), GroupCardinality(4, 4)), Constraint(("4",), GroupCardinality(4, 4))],
        ),
        (N_OF_M, Target(scope="n:m", alphas={"4": 0.5, "0": 1.0}), [Constraint(("4",), InputPattern(2, 4))]),
        (
            N_OF_M,
            Target(scope="n:m", pattern="1:3"),
            [Constraint(("0",), InputPattern(1, 3)), Constraint(("4",), InputPattern(1, 3))],
        ),
    ],
)
def test_a_scope_counts_over_its_own_sets(
    scope: Scope, target: Target, expected: list[Constraint], small_network: nn.Module
) -> None:
    assert scope.constraints(small_network, target) == expected


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (Target(scope="n:m", ratio=3.0), "'n:m' keeps 2 of 4 weights, and ratio 3 is given"),
        (Target(scope="n:m", pattern="1:3", alphas={"0": 1.0, "4": 0.3}), "alpha of '4' is 0.3"),
        (Target(scope="n:m", alphas={"0": 1.0}), "'n:m' prunes nothing"),
        (Target(ratio=2.0, pattern="2:4"), "scope 'layer' has no pattern"),
    ],
)
def test_a_pattern_and_what_else_says_how_many_stay_must_agree(target: Target, message: str) -> None:
    with pytest.raises(CodesignError, match=message):
        check_pattern(target)


@pytest.mark.parametrize(
    "target",
    [HALF, Target(scope="n:m"), Target(scope="n:m", pattern="1:3", alphas={"0": 1.0, "4": 0.33})],
)
def test_what_agrees_is_taken(target: Target) -> None:
    check_pattern(target)
