from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from codesign.settings.hardware import (
    HardwareSection,
    accumulator_bits_of,
    reference_array,
    samples_at_a_time,
)
from compress.model.layer import LayerKind, largest_level
from compress.networks.layers import LayerGeometry
from rtl.config import MIN_ACC_BITS
from rtl.formats.dense import Dense
from sim.golden.golden import accumulator_bits
from tests.codesign.models import small_model


@given(st.integers(1, 256), st.integers(1, 256))
def test_requantizers_divide_the_lanes(lanes: int, requant_lanes: int) -> None:
    if lanes % requant_lanes:
        with pytest.raises(ValidationError, match=f"requant_lanes {requant_lanes} does not divide lanes {lanes}"):
            HardwareSection(lanes=lanes, requant_lanes=requant_lanes)
    else:
        assert HardwareSection(lanes=lanes, requant_lanes=requant_lanes).dense_array(8, 32).lanes == lanes


@given(st.integers(1, 8), st.integers(4, 8), st.integers(1, 4096))
def test_the_reference_holds_the_largest_sum_with_a_bias_as_large(bits: int, act_bits: int, inputs: int) -> None:
    layer = LayerGeometry((2, inputs, 1, 1), (inputs, 1, 1), name="fc", kind=LayerKind.LINEAR)
    array = reference_array(HardwareSection(act_bits=act_bits), [layer], {"fc": bits})
    largest = 2 * inputs * largest_level(bits) * (2**act_bits - 1)
    assert largest < 2 ** (array.acc_bits - 1)
    assert largest >= 2 ** (array.acc_bits - 2) or array.acc_bits == MIN_ACC_BITS
    assert (array.weight_bits, array.act_bits, array.index) == (bits, act_bits, Dense())


def test_only_linear_layers_run_several_samples_at_a_time() -> None:
    hardware = HardwareSection(linear_batch=5)
    for kind in LayerKind:
        assert hardware.batch_of(kind) == samples_at_a_time(kind, 5) == (5 if kind is LayerKind.LINEAR else 1)


def test_a_models_accumulators_hold_its_widest_layer() -> None:
    model = small_model(bias=np.array([2**24, 0, 0, 0], np.int32))
    assert accumulator_bits_of(model) == max(map(accumulator_bits, model.layers)) >= 26


@pytest.mark.parametrize(("index", "told"), [("dense", "'dense0', which stores zeros"), ("fixed", "unknown index")])
def test_an_index_that_cannot_be_searched_is_refused(index: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        HardwareSection(indices=[index])
