"""Layers and their masks."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flows.search.layer_load import LayerLoad
from sim.mapping.geometry import ArrayGeometry
from tests.flows.search.layers import MASKS


@given(st.floats(0, 0.99), st.floats(0, 0.99))
def test_masks_keep_the_asked_portion_and_are_nested(first: float, second: float) -> None:
    low, high = sorted((first, second))
    fewer, more = MASKS(high), MASKS(low)
    assert fewer.sum() == fewer.size - round(high * fewer.size)
    assert not (fewer & ~more).any()
    assert np.array_equal(fewer, MASKS(high))


def test_nonzeros_are_counted_in_each_group() -> None:
    layer = LayerLoad.unpruned("grouped", ArrayGeometry((6, 2, 3, 3), (4, 5, 5), groups=2), batch=3)
    mask = layer.mask.copy()
    mask[:3, 0] = False
    assert layer.pruned(mask).group_nonzeros == (27, 54)
    assert layer.group_filters == 3
    assert layer.pruned(mask).dense().group_nonzeros == (54, 54)
    assert layer.pruned(mask).dense().batch == 3
