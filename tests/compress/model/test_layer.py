from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from compress.base.errors import CodesignError
from compress.model.layer import CompressedLayer, LayerKind, Pool, PoolKind, Requantization, largest_level


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


class TestRequantization:
    @given(st.floats(2**-23, 2**6))
    def test_multiplier_and_shift_are_close_to_the_scale(self, scale: float) -> None:
        chosen = Requantization.from_scale(scale)
        assert chosen.multiplier / 2**chosen.shift == pytest.approx(scale, rel=2**-9)

    @given(st.floats(1e-300, 2**-23))
    def test_tiny_scales_stay_valid(self, scale: float) -> None:
        chosen = Requantization.from_scale(scale)
        assert chosen.multiplier / 2**chosen.shift == pytest.approx(scale, rel=2**-9, abs=2**-32)

    @pytest.mark.parametrize("scale", [0.0, -1.0, 2.0**7, float("inf"), float("nan")])
    def test_impossible_scales_are_a_clear_error(self, scale: float) -> None:
        with pytest.raises(CodesignError, match="scale"):
            Requantization.from_scale(scale)

    @pytest.mark.parametrize(("multiplier", "shift"), [(0, 1), (2**9, 1), (1, 0), (1, 33)])
    def test_members_out_of_range_are_a_clear_error(self, multiplier: int, shift: int) -> None:
        with pytest.raises(CodesignError, match="out of range"):
            Requantization(multiplier, shift)


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


@pytest.mark.parametrize(("kernel", "stride"), [((0, 1), (1, 1)), ((2, 2), (1, 0))])
def test_an_empty_pool_is_a_clear_error(kernel: tuple[int, int], stride: tuple[int, int]) -> None:
    with pytest.raises(CodesignError, match="must be positive"):
        Pool(PoolKind.AVERAGE, kernel, stride)
