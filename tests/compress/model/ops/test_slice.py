import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.model.activation import Activation
from compress.model.ops.slice import Slice
from tests.compress.model.ops.calls import SEEDS, activations, check_moved, make_call, random_codes, shapes

SLICE, SELECT, NARROW = "aten.slice.Tensor", "aten.select.int", "aten.narrow.default"
END = (1 << 63) - 1
OPERAND = Activation((2, 4, 4), 8, 0.1)


@given(st.data(), st.integers(1, 4), st.integers(1, 4), SEEDS)
def test_every_few_indices_are_torchs(data: st.DataObject, rank: int, step: int, seed: int) -> None:
    operand = data.draw(activations(data.draw(shapes(rank, 6))))
    axis = data.draw(st.integers(0, rank - 1))
    start = data.draw(st.none() | st.integers(-8, 8))
    end = data.draw(st.none() | st.integers(-8, 8) | st.just(END))
    assume(range(operand.shape[axis])[start:end])
    dim = data.draw(st.sampled_from([axis + 1, axis - rank]))
    codes = random_codes(operand, seed)
    check_moved(SLICE, (operand,), (codes,), dim=dim, start=start, end=end, step=step)


@given(st.data(), st.integers(2, 4), SEEDS)
def test_one_index_leaves_its_axis(data: st.DataObject, rank: int, seed: int) -> None:
    operand = data.draw(activations(data.draw(shapes(rank))))
    axis = data.draw(st.integers(0, rank - 1))
    index = data.draw(st.integers(-operand.shape[axis], operand.shape[axis] - 1))
    check_moved(SELECT, (operand,), (random_codes(operand, seed),), dim=axis + 1, index=index)


@given(st.data(), st.integers(1, 4), SEEDS)
def test_a_length_from_a_start(data: st.DataObject, rank: int, seed: int) -> None:
    operand = data.draw(activations(data.draw(shapes(rank))))
    axis = data.draw(st.integers(0, rank - 1))
    size = operand.shape[axis]
    start = data.draw(st.integers(-size, size - 1))
    length = data.draw(st.integers(1, size - start % size))
    codes = random_codes(operand, seed)
    check_moved(NARROW, (operand,), (codes,), dim=axis + 1, start=start, length=length)


def test_nothing_and_the_batch_are_refused() -> None:
    for dim, start in ((1, 2), (0, 0), (4, 0)):
        with pytest.raises(CodesignError, match="'node'"):
            Slice.lower(make_call(SLICE, (OPERAND,), dim=dim, start=start), (OPERAND,), OPERAND)


def test_members_that_are_no_slice_are_refused() -> None:
    for members in ((-1, 0, 1), (0, -1, 1), (0, 1, 1), (0, 0, 1, 0)):
        with pytest.raises(CodesignError, match="slice takes"):
            Slice(*members)
    with pytest.raises(CodesignError, match="one index"):
        Slice(0, 0, 2, keep_axis=False)
    for part in (Slice(0, 0, 3), Slice(3, 0, 1)):
        with pytest.raises(CodesignError, match="within its shape"):
            part.output((OPERAND,))
    with pytest.raises(CodesignError, match="within its shape"):
        Slice(0, 0, 1, keep_axis=False).output((Activation((2,), 8, 0.1),))
