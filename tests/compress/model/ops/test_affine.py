import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.model.activation import Activation
from compress.model.ops.affine import Affine
from tests.compress.model.ops.calls import SEEDS, activations, make_call, random_codes, shapes

AFFINE = "codesign.affine.default"
OPERAND = Activation((2, 3), 8, 0.1, 100)


@given(st.data(), st.integers(1, 3), SEEDS)
def test_a_result_is_off_by_half_a_code_and_its_numbers_rounding(data: st.DataObject, rank: int, seed: int) -> None:
    shape = data.draw(shapes(rank))
    operand, result = data.draw(activations(shape)), data.draw(activations(shape))
    channels = st.lists(st.floats(-50, 50), min_size=shape[0], max_size=shape[0])
    factor, offset = tuple(data.draw(channels)), tuple(data.draw(channels))
    assume(max(map(abs, factor)) * operand.scale < 1e8 * result.scale)
    affine = Affine.lower(make_call(AFFINE, (operand,), shape, factor=factor, offset=offset), (operand,), result)
    codes = random_codes(operand, seed)
    factors, offsets = (np.array(each).reshape(-1, *[1] * (rank - 1)) for each in (factor, offset))
    exact = (operand.decode(codes) * factors + offsets) / result.scale + result.zero_point
    bound = 0.5 + (np.abs(codes - operand.zero_point) + 1) / 2 ** (affine.shift + 1) + 1e-7
    assert (np.abs(affine.run(codes) - np.clip(exact, 0, result.highest)) <= bound).all()
    assert affine.run(codes).dtype == np.int16
    assert affine.output((operand,)) == result


def test_a_channel_with_a_huge_factor_leaves_the_others_precise() -> None:
    operand = Activation((2, 256), 8, 0.1)
    call = make_call(AFFINE, (operand,), factor=(1e5, 1.0), offset=(0.0, 0.0))
    codes = np.broadcast_to(np.arange(256, dtype=np.int16), (1, 2, 256))
    assert Affine.lower(call, (operand,), operand).run(codes)[0, 1].tolist() == list(range(256))


@pytest.mark.parametrize("offset", [1e20, -1e20, 1e308, -1e308])
def test_an_offset_beyond_all_codes_saturates(offset: float) -> None:
    call = make_call(AFFINE, (OPERAND,), factor=(1e-9, 5.0), offset=(offset, offset))
    affine = Affine.lower(call, (OPERAND,), OPERAND)
    assert set(affine.run(random_codes(OPERAND, 0)).ravel().tolist()) == {255 if offset > 0 else 0}


def test_half_rounds_up() -> None:
    codes = np.array([[0, 1, 2, 3]], np.int16)
    assert Affine((1,) * 4, (0,) * 4, 1, 8, 0.1, 0).run(codes).tolist() == [[0, 1, 1, 2]]


def test_numbers_that_are_none_are_refused() -> None:
    for factor, offset in (((np.inf, 1.0), (0.0, 0.0)), ((1.0, 1.0), (np.nan, 0.0)), ((1e12, 1.0), (0.0, 0.0))):
        with pytest.raises(CodesignError, match="'node'"):
            Affine.lower(make_call(AFFINE, (OPERAND,), factor=factor, offset=offset), (OPERAND,), OPERAND)
    for multipliers, offsets, shift in (
        ((), (), 1),
        ((1,), (1, 1), 1),
        ((1 << 31,), (0,), 1),
        ((1,), ((1 << 50) + 1,), 1),
        ((1,), (1,), 41),
    ):
        with pytest.raises(CodesignError, match="affine has"):
            Affine(multipliers, offsets, shift, 8, 0.1, 0)
    affine = Affine((1, 1), (0, 0), 1, 8, 0.1, 0)
    for operand, cause in ((Activation((3,), 8, 0.1), "2 channels"), (Activation((2,), 8, 0.1, signed=True), "signed")):
        with pytest.raises(CodesignError, match=cause):
            affine.output((operand,))
