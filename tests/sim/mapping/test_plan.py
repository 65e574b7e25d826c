"""What a layer needs of an array."""

from __future__ import annotations

import numpy as np
import pytest

from compress.base.errors import CodesignError
from rtl.config import ArrayConfig
from rtl.formats.dense import Dense
from rtl.formats.fixed import Fixed
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.plan import Depths, plan_layer

GEOMETRY = ArrayGeometry((6, 4, 3, 3), (4, 8, 8), (1, 1), (1, 1))


def test_a_dense_row_stores_every_weight_of_its_channels() -> None:
    plan = plan_layer(np.ones((6, 4, 3, 3), np.bool_), GEOMETRY, 2, 8, Dense())
    assert plan.depths == Depths(
        weight_depth=6 * 2 * 9, activation_depth=plan.depths.activation_depth, table_depth=9, bias_depth=6
    )
    assert plan.tokens_rk.tolist() == [[18] * 6] * 2


def test_a_dense_array_refuses_pruned_weights() -> None:
    mask = np.ones((6, 4, 3, 3), np.bool_)
    mask[0, 0, 0, 0] = False
    with pytest.raises(CodesignError, match="1 weights are pruned"):
        plan_layer(mask, GEOMETRY, 2, 8, Dense())


def test_a_row_without_work_passes_every_filter_on() -> None:
    plan = plan_layer(np.ones((3, 2, 1, 1), np.bool_), ArrayGeometry((3, 2, 1, 1), (2, 1, 1)), 4, 2, Fixed(4))
    assert sorted(plan.tokens_rk.sum(axis=1).tolist()) == [3, 3, 3, 3]
    assert plan.tokens_rk.min() == 1


def test_a_bank_that_is_too_small_is_named() -> None:
    plan = plan_layer(np.ones((6, 4, 3, 3), np.bool_), GEOMETRY, 1, 8, Fixed(4))
    with pytest.raises(CodesignError, match=r"'c1' does not fit.*weight_depth 64 < 216"):
        plan.depths.check("c1", ArrayConfig(1, 8, weight_depth=64))


def test_the_largest_of_two_needs_is_member_by_member() -> None:
    assert Depths(1, 9, 3, 4).largest(Depths(2, 8, 3, 9)) == Depths(2, 9, 3, 9)
