from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.loop.generation import ArrayOptions, array_to_generate
from codesign.settings.accumulators import widest_accumulator
from compress.base.errors import CodesignError
from compress.model.compressed_model import CompressedModel
from rtl.config import MAX_ACC_BITS, MIN_ACC_BITS
from tests.drawn import make_layer


@given(st.lists(st.integers(2, MAX_ACC_BITS), min_size=1))
def test_the_widest_layer_decides(widths: list[int]) -> None:
    assert widest_accumulator({str(n): bits for n, bits in enumerate(widths)}) == max(MIN_ACC_BITS, *widths, 0)


def _with_bias(bias: int) -> CompressedModel:
    levels, biases = np.full((2, 1, 3, 3), 128, np.int16), np.array([bias, 0], np.int32)
    return CompressedModel.chain((make_layer(levels, 8, 5, 5, name="features.0", bias=biases),), {})


def test_a_layer_that_needs_all_bits_is_taken() -> None:
    assert array_to_generate(_with_bias(2**30), None, ArrayOptions(), 1).acc_bits == MAX_ACC_BITS


def test_a_layer_that_needs_33_bits_is_refused_by_name_with_the_setting_to_change() -> None:
    with pytest.raises(CodesignError, match=r"layer 'features\.0' needs accumulators of 33 bits") as error:
        array_to_generate(_with_bias(2**31 - 1), None, ArrayOptions(), 1)
    assert "compress.layer_bits" in error.value.next_step
