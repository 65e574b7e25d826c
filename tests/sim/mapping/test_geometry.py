"""A layer's sizes with the window that an array pools."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from compress.model.geometry import ConvGeometry
from compress.model.pool import Pool, PoolKind
from sim.mapping.geometry import ArrayGeometry
from tests.drawn import make_layer

SIZES = ConvGeometry((6, 2, 3, 3), (4, 9, 8), (1, 2), (1, 0), 2)


@given(st.tuples(st.integers(1, 4), st.integers(1, 3)))
def test_windows_that_are_not_full_are_left_out(window: tuple[int, int]) -> None:
    geometry = ArrayGeometry.pooling(SIZES, window)
    assert geometry.output_size == SIZES.output_size == (9, 3)
    assert geometry.windows == Pool(PoolKind.MAX, window, window).output_size(9, 3)
    assert geometry.pooled is (window != (1, 1))


def test_sizes_are_the_layers_own() -> None:
    levels = np.ones((3, 2, 3, 3), np.int16)
    layer = make_layer(levels, 4, 8, 8, pool=Pool(PoolKind.MAX, (2, 2), (2, 2)))
    assert (
        ArrayGeometry.of(layer) == ArrayGeometry.before_folding(layer) == ArrayGeometry.pooling(layer.geometry, (2, 2))
    )


def test_sizes_before_folding_are_the_networks() -> None:
    layer = make_layer(
        np.ones((4, 2, 3, 3), np.int16), 4, 8, 8, input_shape=(4, 8, 8), groups=2, dense_shape=(12, 6, 3)
    )
    before = ArrayGeometry.before_folding(layer)
    assert (before.weight_shape, before.input_shape, before.groups) == ((12, 2, 3, 3), (6, 8, 8), 3)
    assert before.output_size == ArrayGeometry.of(layer).output_size


def test_an_array_whose_blocks_hold_no_whole_window_leaves_it_to_the_host() -> None:
    geometry = ArrayGeometry.pooling(SIZES, (2, 2))
    assert geometry.on(16, 4) == geometry
    assert geometry.on(16, 8) == ArrayGeometry.pooling(SIZES, (1, 1))
