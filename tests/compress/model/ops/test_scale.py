import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.model.activation import Activation
from compress.model.ops.scale import Scale
from tests.compress.model.ops.calls import SEEDS, activations, float_answer, make_call, random_codes, shapes

MUL = "aten.mul.Tensor"
OPERAND = Activation((2, 3), 8, 0.1, 100)


@given(st.data(), shapes(3), st.sampled_from(["same", "channels", "pixels"]), st.booleans(), SEEDS)
def test_a_product_is_off_by_half_a_code_and_its_multipliers_rounding(
    data: st.DataObject, shape: tuple[int, ...], gate: str, gate_first: bool, seed: int
) -> None:
    sizes = {"same": shape, "channels": (shape[0], 1, 1), "pixels": (1, *shape[1:])}[gate]
    inputs = (data.draw(activations(shape)), data.draw(activations(sizes)))
    inputs = inputs[::-1] if gate_first else inputs
    result = data.draw(activations(shape))
    assume(inputs[0].scale * inputs[1].scale < 8000 * result.scale)
    call = make_call(MUL, inputs, shape)
    scale = Scale.lower(call, inputs, result)
    codes = tuple(random_codes(operand, seed + place) for place, operand in enumerate(inputs))
    given_codes = scale.run(*codes)
    exact = float_answer(call, inputs, codes) / result.scale + result.zero_point
    first, second = (each.astype(int) - operand.zero_point for each, operand in zip(codes, inputs, strict=True))
    bound = 0.5 + np.abs(first * second) / 2 ** (scale.shift + 1) + 1e-9
    assert (np.abs(given_codes - np.clip(exact, 0, result.highest)) <= bound).all()
    assert given_codes.dtype == np.int16
    assert scale.output(inputs) == result


def test_half_rounds_up_and_products_saturate() -> None:
    scale = Scale(1, 1, (0, 8), 4, 2.0, 5)
    codes = np.array([[1, 1, 15, 15]], np.int16), np.array([[9, 7, 15, 0]], np.int16)
    assert scale.run(*codes).tolist() == [[6, 5, 15, 0]]


def test_products_that_are_none_are_refused() -> None:
    with pytest.raises(CodesignError, match=r"'node' .*reads 1 act"):
        Scale.lower(make_call(MUL, (OPERAND,)), (OPERAND,), OPERAND)
    with pytest.raises(CodesignError, match=r"'node' .*as fine"):
        Scale.lower(make_call(MUL, (OPERAND, OPERAND)), (OPERAND, OPERAND), Activation((2, 3), 8, 1e-9))
    for multiplier, shift in ((1 << 15, 1), (1, 0), (1, 41)):
        with pytest.raises(CodesignError, match="scale has"):
            Scale(multiplier, shift, (0, 0), 8, 0.1, 0)
    scale = Scale(1, 1, (100, 100), 8, 0.1, 0)
    for inputs, cause in (
        ((OPERAND,), "zero points"),
        ((OPERAND, Activation((2, 3), 8, 0.1, 99)), "zero points"),
        ((OPERAND, Activation((3, 2), 8, 0.1, 100)), "shapes"),
    ):
        with pytest.raises(CodesignError, match=cause):
            scale.output(inputs)
    with pytest.raises(CodesignError, match="signed"):
        Scale(1, 1, (100, 0), 8, 0.1, 0).output((OPERAND, Activation((2, 3), 8, 0.1, signed=True)))
