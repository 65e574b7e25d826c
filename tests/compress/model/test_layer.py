from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from compress.base.errors import CodesignError
from compress.model.layer import CompressedLayer, LayerKind, largest_level
from compress.model.pool import Pool, PoolKind
from compress.model.requantization import Requantization


def layer(**changes: Any) -> CompressedLayer:
    members: dict[str, Any] = {
        "name": "conv",
        "kind": LayerKind.CONV2D,
        "levels": np.ones((4, 2, 3, 3), np.int16),
        "weight_bits": 4,
        "interval": 0.1,
        "bias": np.zeros(4, np.int32),
        "input_shape": (2, 8, 8),
        "requantization": Requantization(1, 1),
        "input_scale": 1 / 255,
        "output_scale": 0.1,
    }
    return CompressedLayer(**{**members, **changes})


@given(
    size=st.integers(1, 9),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    groups=st.integers(1, 2),
    pool=st.integers(1, 3),
)
@settings(deadline=None)
def test_shapes_are_torchs(size: int, kernel: int, stride: int, padding: int, groups: int, pool: int) -> None:
    levels = np.ones((4, 2, kernel, 1), np.int16)
    inputs = torch.zeros(1, 2 * groups, size, size)
    try:
        convolved = functional.conv2d(inputs, torch.ones(4, 2, kernel, 1), None, stride, (padding, 0), groups=groups)
        pooled = functional.max_pool2d(convolved, pool, 1)
    except RuntimeError:
        return
    made = layer(
        levels=levels,
        input_shape=(2 * groups, size, size),
        stride=(stride, stride),
        padding=(padding, 0),
        groups=groups,
        pool=Pool(PoolKind.MAX, (pool, pool), (1, 1)),
    )
    assert made.conv_shape == tuple(convolved.shape[1:])
    assert made.output_shape == tuple(pooled.shape[1:])
    assert made.macs == 4 * 2 * kernel * convolved.shape[2] * convolved.shape[3]


def test_alpha_is_the_fraction_of_nonzeros() -> None:
    levels = np.zeros((4, 2, 3, 3), np.int16)
    levels[0, 0] = -3
    made = layer(levels=levels)
    assert (made.nonzeros, made.alpha) == (9, 9 / 72)


def test_arrays_cannot_be_written() -> None:
    made = layer()
    with pytest.raises(ValueError, match="read-only"):
        made.levels[0, 0, 0, 0] = 2
    with pytest.raises(ValueError, match="read-only"):
        made.bias[0] = 2


def test_levels_go_to_the_power_of_two() -> None:
    assert [largest_level(bits) for bits in (1, 4, 8)] == [1, 8, 128]
    assert layer(levels=np.full((4, 2, 3, 3), -8, np.int16)).nonzeros == 72


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"weight_bits": 0}, "weight_bits"),
        ({"weight_bits": 9}, "weight_bits"),
        ({"levels": np.ones((4, 2, 3, 3), np.int32)}, "int16"),
        ({"levels": np.ones((4, 18), np.int16)}, "int16"),
        ({"levels": np.ones((4, 0, 3, 3), np.int16)}, "non-empty"),
        ({"levels": np.full((4, 2, 3, 3), 9, np.int16)}, "exceeds"),
        ({"bias": np.zeros(3, np.int32)}, "bias"),
        ({"bias": np.zeros(4)}, "bias"),
        ({"input_shape": (3, 8, 8)}, "channels"),
        ({"input_shape": (2, 2, 8)}, "does not fit"),
        ({"stride": (0, 1)}, "positive"),
        ({"padding": (-1, 0)}, "negative"),
        ({"groups": 2}, "groups"),
        ({"kind": LayerKind.LINEAR}, "linear"),
        ({"act_bits": 3}, "act_bits"),
        ({"act_bits": 9}, "act_bits"),
        ({"interval": 0.0}, "interval"),
        ({"input_scale": float("nan")}, "input_scale"),
        ({"output_scale": float("inf")}, "output_scale"),
        ({"dense_shape": (3, 2, 1)}, "dense_shape"),
        ({"dense_shape": (4, 1, 1)}, "dense_shape"),
        ({"dense_shape": (8, 4, 3)}, "dense_shape"),
        ({"dense_shape": (4, 2, 0)}, "dense_shape"),
        ({"dense_shape": (1 << 25, 2, 1)}, "dense_shape"),
        ({"pool": Pool(PoolKind.MAX, (7, 7), (1, 1))}, "does not fit"),
    ],
)
def test_an_impossible_layer_is_a_clear_error(changes: dict[str, Any], cause: str) -> None:
    with pytest.raises(CodesignError, match=cause) as error:
        layer(**changes)
    assert "'conv'" in error.value.cause


def test_a_replaced_member_is_checked_again() -> None:
    with pytest.raises(CodesignError, match="weight_bits"):
        replace(layer(), weight_bits=12)
