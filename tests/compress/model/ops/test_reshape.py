import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.model.activation import Activation
from compress.model.ops.reshape import Reshape
from tests.compress.model.ops.calls import SEEDS, activations, check_moved, random_codes, shapes


@given(st.data(), shapes(3), SEEDS)
def test_codes_stay_in_order(data: st.DataObject, shape: tuple[int, ...], seed: int) -> None:
    operand = data.draw(activations(shape))
    codes = random_codes(operand, seed)
    check_moved("aten.flatten.using_ints", (operand,), (codes,), start_dim=data.draw(st.integers(1, 3)))
    check_moved("aten.unsqueeze.default", (operand,), (codes,), dim=data.draw(st.integers(1, 3)))
    check_moved("aten.view.default", (operand,), (codes,), size=(len(codes), shape[2], -1))
    check_moved("aten.unflatten.int", (operand,), (codes,), dim=1, sizes=(1, -1))


def test_another_number_of_elements_and_of_operands_is_refused() -> None:
    operand = Activation((2, 3), 8, 0.1)
    with pytest.raises(CodesignError, match="cannot become"):
        Reshape((5,)).output((operand,))
    with pytest.raises(CodesignError, match="2 operands"):
        Reshape((6,)).output((operand, operand))
