from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.model.activation import Activation
from compress.model.ops.concat import Concat
from tests.compress.model.ops.calls import SEEDS, activations, check_moved, make_call, random_codes, shapes

CAT = "aten.cat.default"
OPERAND = Activation((2, 4, 4), 8, 0.1, 3)


@given(st.data(), st.integers(1, 4), st.integers(1, 4), st.booleans(), SEEDS)
def test_operands_come_one_behind_the_other(
    data: st.DataObject, rank: int, count: int, from_end: bool, seed: int
) -> None:
    first = data.draw(activations(data.draw(shapes(rank))))
    axis = data.draw(st.integers(0, rank - 1))
    lengths = data.draw(st.lists(st.integers(1, 4), min_size=count, max_size=count))
    operands = tuple(
        replace(first, shape=(*first.shape[:axis], length, *first.shape[axis + 1 :])) for length in lengths
    )
    codes = tuple(random_codes(operand, seed + place) for place, operand in enumerate(operands))
    dim = axis - rank if from_end else axis + 1
    target = data.draw(st.sampled_from(sorted(Concat.TARGETS)))
    assert check_moved(target, operands, codes, dim=dim) == Concat(axis)


@pytest.mark.parametrize(
    "other",
    [
        replace(OPERAND, scale=0.2),
        replace(OPERAND, zero_point=4),
        replace(OPERAND, bits=7),
        replace(OPERAND, signed=True, zero_point=0),
    ],
)
def test_codes_with_different_meanings_are_refused(other: Activation) -> None:
    with pytest.raises(CodesignError, match="different meanings"):
        Concat(0).output((OPERAND, other))


@pytest.mark.parametrize(
    ("axis", "shape"), [(0, (2, 4, 5)), (1, (3, 4, 4)), (0, (2, 4)), (3, (2, 4, 4)), (-1, (2, 4, 4))]
)
def test_shapes_that_do_not_fit_are_refused(axis: int, shape: tuple[int, ...]) -> None:
    with pytest.raises(CodesignError, match="shapes"):
        Concat(axis).output((OPERAND, replace(OPERAND, shape=shape)))


def test_the_batch_and_nothing_are_refused() -> None:
    for dim in (0, -4, 4):
        with pytest.raises(CodesignError, match=r"'node' .* axis"):
            Concat.lower(make_call(CAT, (OPERAND, OPERAND), dim=dim), (OPERAND, OPERAND), OPERAND)
    with pytest.raises(CodesignError, match="reads nothing"):
        Concat(0).output(())
