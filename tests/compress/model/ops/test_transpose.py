import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.model.activation import Activation
from compress.model.ops.reshape import Reshape
from compress.model.ops.transpose import Transpose
from tests.compress.model.ops.calls import SEEDS, activations, check_moved, make_call, random_codes, shapes

PERMUTE, SWAP = "aten.permute.default", "aten.transpose.int"
OPERAND = Activation((2, 4, 4), 8, 0.1)


@given(st.data(), st.integers(1, 5), SEEDS)
def test_axes_come_in_torchs_order(data: st.DataObject, rank: int, seed: int) -> None:
    operand = data.draw(activations(data.draw(shapes(rank, 4))))
    order = data.draw(st.permutations(range(1, rank + 1)))
    signs = [data.draw(st.sampled_from([axis, axis - rank - 1])) for axis in order]
    op = check_moved(PERMUTE, (operand,), (random_codes(operand, seed),), dims=(0, *signs))
    assert op == Transpose(tuple(axis - 1 for axis in order))


@pytest.mark.parametrize(
    ("target", "names"),
    [
        (SWAP, ("dim0", "dim1")),
        ("aten.swapdims.default", ("dim0", "dim1")),
        ("aten.swapaxes.default", ("axis0", "axis1")),
    ],
)
@pytest.mark.parametrize("axes", [(1, 2), (-1, 1), (2, 2), (3, -2)])
def test_two_axes_change_places(target: str, names: tuple[str, str], axes: tuple[int, int]) -> None:
    operand = Activation((2, 3, 4), 8, 0.1)
    check_moved(target, (operand,), (random_codes(operand, 0),), **dict(zip(names, axes, strict=True)))


@given(st.integers(1, 4), st.integers(1, 4), SEEDS)
def test_a_channel_shuffle_is_two_reshapes_around_one(groups: int, width: int, seed: int) -> None:
    codes = random_codes(Activation((groups * width, 2, 3), 8, 0.1), seed)
    apart, together = Reshape((groups, width, 2, 3)), Reshape((groups * width, 2, 3))
    shuffled = together.run(Transpose((1, 0, 2, 3)).run(apart.run(codes)))
    expected = torch.channel_shuffle(torch.from_numpy(codes.astype(np.float64)), groups)
    np.testing.assert_array_equal(shuffled, expected.numpy())


def test_orders_that_are_none_are_refused() -> None:
    with pytest.raises(CodesignError, match=r"'node' .* moves the batch"):
        Transpose.lower(make_call(PERMUTE, (OPERAND,), dims=(1, 0, 2, 3)), (OPERAND,), OPERAND)
    with pytest.raises(CodesignError, match=r"'node' .* axis"):
        Transpose.lower(make_call(SWAP, (OPERAND,), dim0=0, dim1=1), (OPERAND,), OPERAND)
    for order in ((), (0, 0), (1, 2), (0, -1)):
        with pytest.raises(CodesignError, match="order"):
            Transpose(order)
    with pytest.raises(CodesignError, match="orders 2 axes"):
        Transpose((1, 0)).output((OPERAND,))
