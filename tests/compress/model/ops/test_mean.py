from fractions import Fraction
from math import floor, prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.model.activation import Activation
from compress.model.ops.mean import Mean
from tests.compress.model.ops.calls import SEEDS, activations, float_answer, make_call, random_codes, shapes

MEAN = "aten.mean.dim"


@given(st.data(), st.integers(1, 4), st.booleans(), SEEDS)
def test_it_rounds_the_exact_average_half_up(data: st.DataObject, rank: int, keepdim: bool, seed: int) -> None:
    shape = data.draw(shapes(rank))
    operand = data.draw(activations(shape))
    axes = data.draw(st.sets(st.integers(1, rank), min_size=1, max_size=rank if keepdim else max(1, rank - 1)))
    dims = tuple(data.draw(st.sampled_from([axis, axis - rank - 1])) for axis in sorted(axes, reverse=True))
    codes = random_codes(operand, seed)
    call = make_call(MEAN, (operand,), dim=dims, keepdim=keepdim)
    mean = Mean.lower(call, (operand,), operand)
    if len(axes) == rank and not keepdim:
        with pytest.raises(CodesignError, match="keep an axis"):
            mean.output((operand,))
        return
    given_codes = mean.run(codes)
    reals = float_answer(call, (operand,), (codes,)) / operand.scale + operand.zero_point
    count = prod(shape[axis - 1] for axis in axes)
    exact = [Fraction(real).limit_denominator(count) for real in reals.ravel()]
    assert given_codes.ravel().tolist() == [floor(average + Fraction(1, 2)) for average in exact]
    assert mean.output((operand,)).shape == given_codes.shape[1:]
    assert given_codes.dtype == np.int16


def test_means_of_other_things_are_refused() -> None:
    operand = Activation((2, 3, 3), 8, 0.1)
    for dim, dtype in ((None, None), ((0, 1), None), ((-4,), None), ((2,), "torch.float16")):
        with pytest.raises(CodesignError, match="'node'"):
            Mean.lower(make_call(MEAN, (operand,), dim=dim, dtype=dtype), (operand,), operand)
    for axes in ((), (1, 0), (1, 1), (-1,)):
        with pytest.raises(CodesignError, match="axes"):
            Mean(axes)
    with pytest.raises(CodesignError, match="axes"):
        Mean((3,)).output((operand,))
