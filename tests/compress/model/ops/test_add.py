import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.model.activation import Activation
from compress.model.ops.add import Add
from tests.compress.model.ops.calls import SEEDS, activations, float_answer, make_call, random_codes, shapes

ADD = "aten.add.Tensor"
OPERAND = Activation((2, 3), 8, 0.1, 100)


@given(st.data(), st.integers(1, 4), st.sampled_from([1, 1, 2, 0.5]), SEEDS)
def test_a_sum_is_off_by_half_a_code_and_its_multipliers_rounding(
    data: st.DataObject, rank: int, alpha: float, seed: int
) -> None:
    shape = data.draw(shapes(rank))
    inputs = tuple(
        data.draw(activations(tuple(size if data.draw(st.booleans()) else 1 for size in shape))) for _ in range(2)
    )
    result = data.draw(activations(shape))
    assume(max(operand.scale for operand in inputs) * alpha < 4000 * result.scale)
    target = data.draw(st.sampled_from(["aten.add.Tensor", "aten.sub.Tensor", "aten.rsub.Tensor"]))
    call = make_call(target, inputs, shape, alpha=alpha)
    add = Add.lower(call, inputs, result)
    codes = tuple(random_codes(operand, seed + place) for place, operand in enumerate(inputs))
    given_codes = add.run(*codes)
    exact = float_answer(call, inputs, codes) / result.scale + result.zero_point
    distances = sum(np.abs(each - operand.zero_point) for each, operand in zip(codes, inputs, strict=True))
    bound = 0.5 + distances / 2 ** (add.shift + 1) + 1e-9
    assert (np.abs(given_codes - np.clip(exact, 0, result.highest)) <= bound).all()
    assert given_codes.dtype == np.int16
    whole = add.output(inputs)
    assert (whole.shape, whole.scale) == (given_codes.shape[1:], result.scale)


def test_half_rounds_up_and_sums_saturate() -> None:
    add = Add((1, 1), 0, 1, 4, 2.0, 0)
    codes = np.array([[0, 1, 2, 15]], np.int16), np.array([[0, 0, 1, 15]], np.int16)
    assert add.run(*codes).tolist() == [[0, 1, 2, 15]]
    assert Add((1, -1), 0, 1, 4, 2.0, 0).run(*codes[::-1]).tolist() == [[0, 0, 0, 0]]


def test_sums_that_are_none_are_refused() -> None:
    with pytest.raises(CodesignError, match=r"'node' .*reads 1 act"):
        Add.lower(make_call(ADD, (OPERAND,)), (OPERAND,), OPERAND)
    with pytest.raises(CodesignError, match=r"'node' .*as fine"):
        Add.lower(make_call(ADD, (OPERAND, OPERAND)), (OPERAND, OPERAND), Activation((2, 3), 8, 1e-9))
    with pytest.raises(CodesignError, match=r"'node' .*infinite"):
        Add.lower(make_call(ADD, (OPERAND, OPERAND), alpha=float("nan")), (OPERAND, OPERAND), OPERAND)
    for multiplier, offset, shift in ((1 << 15, 0, 1), (1, 0, 0), (1, 0, 41), (1, 1 << 60, 1)):
        with pytest.raises(CodesignError, match="add has"):
            Add((multiplier,), offset, shift, 8, 0.1, 0)
    with pytest.raises(CodesignError, match="add has"):
        Add((), 0, 1, 8, 0.1, 0)
    add = Add((1, 1), 0, 1, 8, 0.1, 0)
    for inputs, cause in (
        ((OPERAND,), "1 operands"),
        ((OPERAND, Activation((3, 2), 8, 0.1)), "shapes"),
        ((OPERAND, Activation((3,), 8, 0.1)), "shapes"),
        ((OPERAND, Activation((2, 3), 8, 0.1, signed=True)), "signed"),
    ):
        with pytest.raises(CodesignError, match=cause):
            add.output(inputs)
