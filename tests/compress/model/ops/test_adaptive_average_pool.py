from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.model.activation import Activation
from compress.model.ops.adaptive_average_pool import AdaptiveAveragePool
from tests.compress.model.ops.calls import SEEDS, activations, float_answer, make_call, random_codes, shapes

POOL = "aten.adaptive_avg_pool2d.default"


@given(st.data(), shapes(3, 9), st.tuples(st.integers(1, 12), st.integers(1, 12)), SEEDS)
def test_every_window_rounds_the_exact_average_half_up(
    data: st.DataObject, shape: tuple[int, ...], size: tuple[int, int], seed: int
) -> None:
    operand = data.draw(activations(shape))
    codes = random_codes(operand, seed)
    call = make_call(POOL, (operand,), (shape[0], *size), output_size=size)
    pool = AdaptiveAveragePool.lower(call, (operand,), operand)
    given_codes = pool.run(codes)
    reals = float_answer(call, (operand,), (codes,)) / operand.scale + operand.zero_point
    exact = [Fraction(real).limit_denominator(81) for real in reals.ravel()]
    assert given_codes.ravel().tolist() == [floor(average + Fraction(1, 2)) for average in exact]
    assert pool.output((operand,)).shape == given_codes.shape[1:]
    assert given_codes.dtype == np.int16


def test_what_is_no_map_is_refused() -> None:
    vector = Activation((2,), 8, 0.1)
    with pytest.raises(CodesignError, match="1x1"):
        AdaptiveAveragePool((0, 1))
    with pytest.raises(CodesignError, match="channels, rows, columns"):
        AdaptiveAveragePool((1, 1)).output((vector,))
    with pytest.raises(CodesignError, match=r"node.*gives \(2,\)"):
        AdaptiveAveragePool.lower(make_call(POOL, (vector,), (2,), output_size=(1, 1)), (vector,), vector)
