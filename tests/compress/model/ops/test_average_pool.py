from fractions import Fraction
from math import floor

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.model.activation import Activation
from compress.model.ops.average_pool import AveragePool
from tests.compress.model.ops.calls import SEEDS, activations, float_answer, make_call, random_codes, shapes

POOL = "aten.avg_pool2d.default"
SIDES = st.tuples(st.integers(1, 4), st.integers(1, 4))


@given(st.data(), SIDES, st.booleans(), st.booleans(), st.booleans(), SEEDS)
def test_every_window_rounds_the_exact_average_half_up(
    data: st.DataObject, kernel: tuple[int, int], ceil_mode: bool, counted: bool, divided: bool, seed: int
) -> None:
    operand = data.draw(activations(data.draw(st.tuples(*[st.integers(size, 9) for size in (1, *kernel)]))))
    padding = tuple(data.draw(st.integers(0, size // 2)) for size in kernel)
    pixels = kernel[0] * kernel[1]
    call = make_call(
        POOL,
        (operand,),
        kernel_size=kernel,
        stride=data.draw(st.sampled_from([(), (1, 1), (2, 3)])),
        padding=padding,
        ceil_mode=ceil_mode,
        count_include_pad=counted,
        divisor_override=data.draw(st.integers(pixels, 3 * pixels)) if divided else None,
    )
    codes = random_codes(operand, seed)
    pool = AveragePool.lower(call, (operand,), operand)
    given_codes = pool.run(codes)
    reals = float_answer(call, (operand,), (codes,)) / operand.scale + operand.zero_point
    # The average is a fraction with at most this denominator, so its closest such fraction is exact.
    exact = [Fraction(real).limit_denominator(3 * pixels) for real in reals.ravel()]
    assert given_codes.ravel().tolist() == [floor(average + Fraction(1, 2)) for average in exact]
    assert pool.output((operand,)).shape == given_codes.shape[1:]
    assert given_codes.dtype == np.int16


@given(st.data(), shapes(3, 6), SEEDS)
def test_padding_counts_as_a_real_zero(data: st.DataObject, shape: tuple[int, ...], seed: int) -> None:
    operand = data.draw(activations(shape))
    codes = random_codes(operand, seed)
    pool = AveragePool((3, 3), (1, 1), (1, 1), zero_point=operand.zero_point)
    padded = np.pad(codes, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=operand.zero_point)
    np.testing.assert_array_equal(pool.run(codes), AveragePool((3, 3), (1, 1)).run(padded))


def test_half_rounds_up() -> None:
    codes = np.array([[[[0, 1], [2, 3]]]], np.int16)
    assert AveragePool((2, 2), (2, 2)).run(codes).item() == 2
    assert torch.nn.functional.avg_pool2d(torch.from_numpy(codes.astype(float)), 2).item() == 1.5


def test_windows_that_no_map_has_are_refused() -> None:
    operand = Activation((2, 6, 6), 8, 0.1, 3)
    call = make_call(POOL, (operand,), kernel_size=(2, 2), divisor_override=3)
    with pytest.raises(CodesignError, match=r"node.*divides sums of 4 pixels by 3"):
        AveragePool.lower(call, (operand,), operand)
    with pytest.raises(CodesignError, match="by 3"):
        AveragePool((2, 2), (2, 2), divisor=3)
    with pytest.raises(CodesignError, match="padding"):
        AveragePool((3, 3), (2, 2), (2, 0))
    with pytest.raises(CodesignError, match="does not fit"):
        AveragePool((7, 7), (1, 1), zero_point=3).output((operand,))
    with pytest.raises(CodesignError, match="zero point"):
        AveragePool((2, 2), (1, 1), zero_point=4).output((operand,))
    with pytest.raises(CodesignError, match="pads its map"):
        AveragePool((1 << 24, 1 << 24), (1, 1), (1 << 23, 1 << 23)).output((operand,))
