from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from rtl.config import ArrayConfig
from rtl.formats.rice import Rice
from sim.golden.golden import run_layer
from sim.mapping.cycles import Chain, layer_cycles
from sim.mapping.filter_order import filter_order
from sim.mapping.geometry import ArrayGeometry
from sim.mapping.plan import plan_layer
from sim.mapping.schedule import group_schedule
from sim.mapping.tiles import tile_layer
from tests.drawn import draw_activations, make_layer
from tests.support import run_array


@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 1 << 16))
def test_every_group_keeps_its_filters_and_the_longest_come_first(groups: int, filters: int, seed: int) -> None:
    mask = np.random.default_rng(seed).random((groups * filters, 2, 3, 1)) < 0.4
    order = filter_order(mask, groups)
    nonzeros = mask.reshape(len(mask), -1).sum(axis=1)
    for group, members in enumerate(order.reshape(groups, filters)):
        assert sorted(members) == list(range(group * filters, (group + 1) * filters))
        keys = [(-nonzeros[member], member) for member in members]
        assert keys == sorted(keys)
    np.testing.assert_array_equal(filter_order(mask[order], groups), np.arange(len(mask)))


def test_groups_that_do_not_divide_the_filters_are_refused() -> None:
    with pytest.raises(CodesignError, match="5 filters"):
        filter_order(np.ones((5, 1, 1, 1), bool), 2)


def test_uneven_filters_take_fewer_cycles_and_results_keep_their_places() -> None:
    rng = np.random.default_rng(1)
    levels = np.zeros((32, 64, 1, 1), np.int16)
    for number in range(32):
        levels[number, rng.permutation(64)[: rng.choice([1, 56])]] = 1 + number
    layer = make_layer(levels, 8, 4, 4)
    config = ArrayConfig(4, 8, index=Rice(3), requant_lanes=8, weight_depth=512, activation_depth=64, table_depth=64)
    tiling = tile_layer(layer, config)
    activations = draw_activations(layer, 1, seed=0)
    results, cycles = run_array(tiling.runs[0].packed, tiling.inputs(tiling.runs[0], activations))
    np.testing.assert_array_equal(tiling.join([results]), run_layer(layer, activations))
    mask, geometry = levels != 0, ArrayGeometry.of(layer)
    assert cycles == tiling.cycles == group_schedule(mask, geometry, config, even=True).cycles(Chain(1))
    assert cycles < layer_cycles(plan_layer(mask, geometry, 4, 8, Rice(3)), Chain(1))
